// The messages between the two threads of a handler process, all plain data. The main thread runs the handlers. The connection
// thread keeps the MQTT connection alive, and with it the process's hold on its deliveries, while a handler computes or stands at
// a breakpoint.

/** Where the broker is, and who we are. */
export interface BrokerLogin {
  readonly url: string
  readonly key: string
  /** The file that holds it, read again for each connection: HANDLER_KEY_FILE, or HANDLER_KEYS_FILE. */
  readonly keyFile?: string | undefined
  /** The key is the group's own, not the shared one. */
  readonly ownKey: boolean
  /** Trusted certificates, in PEM. */
  readonly ca: readonly string[]
  /** Files with more, read again for each connection, because a certificate may be renewed. */
  readonly caFiles?: readonly string[]
}

export interface ConnectionOptions {
  readonly group: string
  readonly broker: BrokerLogin
  readonly window: number
  /** Command name to its time limit, in milliseconds per attempt. */
  readonly limits: Readonly<Record<string, number>>
  /** Shared by both threads: see pulse.ts. */
  readonly pulse: SharedArrayBuffer
}

/** One delivery, offered to the main thread. Its payload is the next `bytes` of the batch's. */
export interface Offer {
  /** Names the delivery between the two threads. */
  readonly n: number
  readonly topic: string
  /** The user properties, as they came. */
  readonly stamp: Readonly<Record<string, string>>
  readonly bytes: number
}

/** How one delivery ended. */
export interface End {
  readonly n: number
  /** The payload of `$done`. */
  readonly body: string
  readonly isRetry: boolean
}

export type ToMain =
  /** `claims` has the state of each offer, shared by both threads: see claim.ts. */
  | { kind: 'offers'; offers: Offer[]; payloads: Uint8Array; claims: Int32Array }
  /** The broker has answered the first SUBSCRIBE. */
  | { kind: 'serving' }
  /** The broker refused the first connection; this one is over. */
  | { kind: 'failed'; message: string }
  /** The broker has heard that this delivery must be retried. */
  | { kind: 'heard'; n: number }
  /** The connection is lost, and with it all its deliveries. */
  | { kind: 'lost' }
  | { kind: 'renewed'; isHeld: boolean }
  /** No new deliveries come any more. */
  | { kind: 'drained' }
  | { kind: 'closed' }
  | { kind: 'log'; level: 'info' | 'warn' | 'error'; fields: object; text: string }

export type ToConnection =
  | { kind: 'ends'; ends: End[] }
  /** These deliveries were skipped, after one that failed. */
  | { kind: 'skipped'; ns: number[] }
  /** Asks whether this process still holds its deliveries. */
  | { kind: 'renew' }
  | { kind: 'drain' }
  /** Gives back what has not ended, and closes once the broker has acknowledged everything. */
  | { kind: 'close' }
