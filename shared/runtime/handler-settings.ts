import type { Config } from '../config.ts'

/** What the platform's settings say to handlers. */
export interface HandlerSettings {
  /** Who may reach whom: contacts, or everyone who is not blocked. */
  readonly access: 'contacts' | 'everyone'
  /** Milliseconds that a call rings before it is missed. */
  readonly ringMs: number
  /** Are private addresses taken out of what is relayed for calls? */
  readonly hidesPrivate: boolean
  /** Bytes of a command's payload, at most. */
  readonly commandBytes: number
  /** Bytes of an answer that is as long as one makes it, about. Half of a packet, as one thing in it may be that large alone. */
  readonly answerBytes: number
  /** The TURN servers, where there are any. */
  readonly turn?: TurnSettings
}

export interface TurnSettings {
  /** In lower case, as clients reach them. */
  readonly uris: readonly string[]
  /** Seconds that credentials last when nothing else is asked for. */
  readonly ttl: number
  /** Credentials that one user gets in an hour. */
  readonly perHour: number
  /**
   * Signs a TURN user's name. The secret itself is handed to nobody.
   * @throws {Unavailable} while coturn's secrets cannot be read
   */
  password(username: string): Promise<string>
}

export function handlerSettings(config: Config, turn?: TurnSettings): HandlerSettings {
  return {
    access: config.ACCESS,
    ringMs: config.RING_TIMEOUT,
    hidesPrivate: config.HIDE_PRIVATE_ADDRESSES,
    commandBytes: config.MAX_COMMAND_BYTES,
    answerBytes: config.MAX_PACKET_BYTES / 2,
    ...(turn && { turn }),
  }
}
