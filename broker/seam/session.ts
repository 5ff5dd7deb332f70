import type { CommandName } from '../../shared/wire/topic.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** A connected device: a user and one of their clients. */
export interface DeviceSession {
  readonly kind: 'device'
  /** `user id / client id`: unique, since no user id holds a slash. */
  readonly id: string
  readonly user: UserId
  readonly client: string
  /** The token it logged in with; `refresh_session` replaces it by another of the same user. */
  token: Token
}

/** The session id of a user's client, connected or not. */
export function sessionIdOf({ user, client }: Pick<DeviceSession, 'user' | 'client'>): string {
  return `${user}/${client}`
}

/** The user and client of a session id: no user id holds a slash. */
export function sessionOwner(id: string): Pick<DeviceSession, 'user' | 'client'> {
  const slash = id.indexOf('/')
  return { user: id.slice(0, slash) as UserId, client: id.slice(slash + 1) }
}

/** Seconds for which a token is still accepted after its `exp`. */
export const EXPIRY_TOLERANCE = 5

/** A verified token. */
export interface Token {
  readonly user: UserId
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  /** Token id, by which it can be revoked. */
  readonly jti: string | undefined
  /** Its role, or one of its roles, is `operator`. */
  readonly isOperator: boolean
  /** The user's display name, if the token has one; not an id, and not for other users unless they may see it. */
  readonly name: string | undefined
  /** Undefined: every command and event of the user, and no open topics. */
  readonly acl: Acl | undefined
}

/** Filters of open topics: where a session may publish, and to what it may subscribe. */
export interface Grants {
  readonly pub: readonly string[]
  readonly sub: readonly string[]
}

/** Grants, and which of the user's own commands and events are left to them; undefined: all. */
export interface Acl extends Grants {
  readonly commands: ReadonlySet<string> | undefined
  readonly events: ReadonlySet<string> | undefined
}

/** A connected handler process: one member of its group. */
export interface HandlerSession {
  readonly kind: 'handler'
  readonly id: string
  readonly group: string
  readonly client: string
  readonly rights: Rights
  readonly grants: Grants
  /** The handler runs each user's commands one after another, so it may hold several of one user. */
  readonly keepsOrder: boolean
  /** The handler itself ends commands that overrun their time limit. */
  readonly keepsTime: boolean
}

/**
 * What a handler's key allows. A group's key: what the group declares. The shared key: every command, and the events that any group
 * declares or `HANDLER_EVENTS` names; the core fills those in, since declarations change while the handler is connected.
 */
export interface Rights {
  readonly commands: ReadonlySet<string> | 'all'
  readonly events: ReadonlySet<string>
}

export type Session = DeviceSession | HandlerSession

/** An accepted command. */
export interface Command {
  /**
   * User id, the device's own command id, and a unique part, since a device may reuse an id for another command once the
   * deduplication window is over. The same at every attempt.
   */
  readonly id: string
  /** Its place among all commands; ascending. */
  readonly order: number
  readonly name: CommandName
  readonly user: UserId
  readonly client: string
  /** The id of the sender's token, if it had one. */
  readonly jti?: string | undefined
  readonly payload: Buffer
  /** The device's own command id: `re` in the answer. */
  readonly re: string | undefined
  /** When the broker accepted it, in milliseconds since 1970. */
  readonly at: number
  /** Milliseconds since 1970 after which it must not run. */
  readonly expiresAt: number | undefined
  /** The broker's own command: nobody waits for its answer. */
  readonly internal?: boolean
  /** False for QoS 0: at most once, never stored. */
  readonly stored: boolean
  readonly traceparent: string
  /** MQTT 5 request/response [MQTT-4.10]: echoed with the answer. */
  readonly correlation: Buffer | undefined
  readonly responseTopic: string | undefined
  /** The session that alone gets the answer; undefined: all of the user's devices do. */
  readonly onlyTo?: string | undefined
}

/** Why a login is refused, in the detail that its client may know. */
export type DeniedAs = 'unauthorized' | 'banned' | 'too_many' | 'too_often'

/** A refused login. The reason is for the log alone; the client learns only its kind. */
export class Denied extends Error {
  override name = 'Denied'
  readonly as: DeniedAs
  /** Whose login it was, once the token was verified. */
  readonly user: UserId | undefined
  constructor(reason: string, as: DeniedAs = 'unauthorized', user?: UserId) {
    super(reason)
    this.as = as
    this.user = user
  }
}
