import type { CommandName } from '../../shared/wire/topic.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** A connected device: a user and one of his clients. */
export interface DeviceSession {
  readonly kind: 'device'
  /** `user id / client id`: unique, since no user id holds a slash. */
  readonly id: string
  readonly user: UserId
  readonly client: string
  /** What let it in; `refresh_session` brings another of the same user. */
  token: Token
}

/** The session of one of a user's clients, whether it is connected or not. */
export function sessionIdOf({ user, client }: Pick<DeviceSession, 'user' | 'client'>): string {
  return `${user}/${client}`
}

/** Whose session that is: no user id holds a slash. */
export function sessionOwner(id: string): Pick<DeviceSession, 'user' | 'client'> {
  const slash = id.indexOf('/')
  return { user: id.slice(0, slash) as UserId, client: id.slice(slash + 1) }
}

/** Seconds for which a token is still taken after its end. */
export const EXPIRY_TOLERANCE = 5

/** A token that was believed. */
export interface Token {
  readonly user: UserId
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  /** Its own id, by which it can be revoked. */
  readonly jti: string | undefined
  /** Its role is `operator`, or one of its roles. */
  readonly isOperator: boolean
  /** What its user is called, if it says so; no id, and nothing that others may be shown unasked. */
  readonly name: string | undefined
  /** Undefined: all that a user may, and no open topics. */
  readonly acl: Acl | undefined
}

/** Filters of the open topics that one may publish to and subscribe to. */
export interface Grants {
  readonly pub: readonly string[]
  readonly sub: readonly string[]
}

/** Grants, and what is left of a user's own commands and events; undefined: all of them. */
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
  /** Works each user's commands one after another, so that it may hold several of one user. */
  readonly keepsOrder: boolean
  /** Ends by itself what overruns its time limit. */
  readonly keepsTime: boolean
}

/**
 * What a handler's key opens: what its group declares; or, with the shared key, every command, and the events that any group
 * declares or `HANDLER_EVENTS` names, which the core fills in: it learns of others while the handler is connected.
 */
export interface Rights {
  readonly commands: ReadonlySet<string> | 'all'
  readonly events: ReadonlySet<string>
}

export type Session = DeviceSession | HandlerSession

/** A command on its way, as the broker accepted it. */
export interface Command {
  /**
   * User id, the device's own id, and what makes it unique: a device may use an id again when the window is over, and then
   * means another command. The same at every attempt.
   */
  readonly id: string
  /** Its place among all commands: grows with each. */
  readonly order: number
  readonly name: CommandName
  readonly user: UserId
  readonly client: string
  /** The id of the token that let it in, if it had one. */
  readonly jti?: string | undefined
  readonly payload: Buffer
  /** The device's own id: `re` of its answer. */
  readonly re: string | undefined
  /** When the broker accepted it, in milliseconds since 1970. */
  readonly at: number
  /** Milliseconds since 1970 after which it must not run any more. */
  readonly expiresAt: number | undefined
  /** The broker's own: nobody waits for its answer. */
  readonly internal?: boolean
  /** False for QoS 0: at most once, never stored. */
  readonly stored: boolean
  readonly traceparent: string
  /** MQTT 5 request and response [MQTT-4.10]: echoed with the answer. */
  readonly correlation: Buffer | undefined
  readonly responseTopic: string | undefined
  /** The session of the client that asked, when it alone gets the answer; undefined: all of the user's devices do. */
  readonly onlyTo?: string | undefined
}

/** Why a login is refused, as far as its client may know. */
export type DeniedAs = 'unauthorized' | 'banned' | 'too_many' | 'too_often'

/** A login that is refused. The reason is for the log alone; the client learns only of what kind it is. */
export class Denied extends Error {
  override name = 'Denied'
  readonly as: DeniedAs
  /** Whose login it was, when that was believed. */
  readonly user: UserId | undefined
  constructor(reason: string, as: DeniedAs = 'unauthorized', user?: UserId) {
    super(reason)
    this.as = as
    this.user = user
  }
}
