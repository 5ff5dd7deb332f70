import type { Config } from '../config.ts'

/** The platform's settings, as far as handlers may know them. */
export interface HandlerSettings {
  /** ACCESS: who may reach whom, only contacts or everyone who is not blocked. */
  readonly access: 'contacts' | 'everyone'
  /** RING_TIMEOUT: milliseconds that a call rings before it is missed. */
  readonly ringMs: number
  /** HIDE_PRIVATE_ADDRESSES: whether private addresses are removed from relayed signals. */
  readonly hidesPrivate: boolean
  /** MAX_COMMAND_BYTES: the most bytes of a command's payload. */
  readonly commandBytes: number
  /** Bytes at which a handler cuts off a list: half a packet, because the last item can be as large again. */
  readonly answerBytes: number
  /** Undefined when TURN is not set up. */
  readonly turn?: TurnSettings
  /** Undefined when push is not set up. */
  readonly push?: PushSettings
}

export interface TurnSettings {
  /** The servers' URIs for clients, in lower case. */
  readonly uris: readonly string[]
  /** TURN_TTL: the default lifetime of credentials, in seconds. */
  readonly ttl: number
  /** TURN_CREDENTIALS_PER_USER: how many one user gets in an hour. */
  readonly perHour: number
  /**
   * Signs a TURN username, so that no handler needs the secret itself.
   * @throws {Unavailable} while coturn's secrets cannot be read
   */
  password(username: string): Promise<string>
}

export interface PushSettings {
  /**
   * Sends a Web Push message to one browser, encrypted, so that no handler needs the key. `gone`: the browser no longer wants any;
   * `later`: the push service is away or busy; `refused`: it never takes this one.
   */
  send(to: PushTarget, message: PushMessage): Promise<Pushed>
}

/** What a browser's `PushSubscription` says; the keys in base64url. */
export interface PushTarget {
  readonly endpoint: string
  readonly p256dh: string
  readonly auth: string
}

export interface PushMessage {
  /** At most 3,993 bytes. */
  readonly text: string
  /** At most 32 letters of base64url: it replaces one with the same topic that has not reached the browser yet. */
  readonly topic: string
  /** Seconds that the push service keeps it. */
  readonly ttl: number
  readonly isUrgent: boolean
}

export type Pushed =
  | { readonly outcome: 'sent' }
  | { readonly outcome: 'gone' | 'refused'; readonly why: string }
  | { readonly outcome: 'later'; readonly why: string; readonly retryAfterMs?: number }

export function handlerSettings(config: Config, turn?: TurnSettings, push?: PushSettings): HandlerSettings {
  return {
    access: config.ACCESS,
    ringMs: config.RING_TIMEOUT,
    hidesPrivate: config.HIDE_PRIVATE_ADDRESSES,
    commandBytes: config.MAX_COMMAND_BYTES,
    answerBytes: config.MAX_PACKET_BYTES / 2,
    ...(turn && { turn }),
    ...(push && { push }),
  }
}
