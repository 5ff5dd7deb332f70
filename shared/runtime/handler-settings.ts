import type { Config } from '../config.ts'

/** What the platform's settings say to handlers. */
export interface HandlerSettings {
  /** Who may reach whom: contacts, or everyone who is not blocked. */
  readonly access: 'contacts' | 'everyone'
  /** Milliseconds that a call rings before it is missed. */
  readonly ringMs: number
  /** Are private addresses taken out of what is relayed for calls? */
  readonly hidesPrivate: boolean
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
  const { ACCESS, RING_TIMEOUT, HIDE_PRIVATE_ADDRESSES } = config
  return { access: ACCESS, ringMs: RING_TIMEOUT, hidesPrivate: HIDE_PRIVATE_ADDRESSES, ...(turn && { turn }) }
}
