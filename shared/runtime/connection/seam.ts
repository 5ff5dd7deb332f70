// What the two threads of a handler process say to each other. The main thread runs the handlers; the connection thread keeps the
// MQTT connection, and with it the hold on what this process was given, while a handler computes or stands at a breakpoint. All
// messages are plain data.

/** Where the broker is, and who we are. */
export interface BrokerLogin {
  readonly url: string
  readonly key: string
  /** The key is the group's own, not the shared one. */
  readonly ownKey: boolean
  /** Certificates to believe, in PEM. */
  readonly ca: readonly string[]
  /** Files with more of them, read at each connection: a certificate may be renewed meanwhile. */
  readonly caFiles?: readonly string[]
}

export interface ConnectionOptions {
  readonly group: string
  readonly broker: BrokerLogin
  readonly window: number
  /** Command to the milliseconds of one attempt. */
  readonly limits: Readonly<Record<string, number>>
  /** Shared by both threads: see pulse.ts. */
  readonly pulse: SharedArrayBuffer
}

/** One delivery, offered to the main thread. Its payload is the next `bytes` of the batch's. */
export interface Offer {
  /** Names the delivery in this process. */
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
  /** The first SUBSCRIBE is answered. */
  | { kind: 'serving' }
  /** The broker refused the first connection; this one is over. */
  | { kind: 'failed'; message: string }
  /** The broker knows that these must be retried. */
  | { kind: 'heard'; n: number }
  /** The connection is lost, and all that it brought. */
  | { kind: 'lost' }
  | { kind: 'renewed'; isHeld: boolean }
  /** Nothing new comes any more. */
  | { kind: 'drained' }
  | { kind: 'closed' }
  | { kind: 'log'; level: 'info' | 'warn' | 'error'; fields: object; text: string }

export type ToConnection =
  | { kind: 'ends'; ends: End[] }
  /** These were left undone, behind one that failed. */
  | { kind: 'left'; ns: number[] }
  /** Asks whether what is held is still ours. */
  | { kind: 'renew' }
  | { kind: 'drain' }
  /** What has not ended is given back; all that was said is acknowledged before it closes. */
  | { kind: 'close' }
