import type { Refusal } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { DeviceSession, HandlerSession, Session } from './session.ts'
import type { Unit } from '../storage/storage.ts'

// What the broker and its MQTT engine say to each other. Nothing outside this folder knows the engine.

/** A PUBLISH as it came, before anyone believed it. */
export interface Incoming {
  topic: string
  payload: Buffer
  qos: 0 | 1 | 2
  retain: boolean
  /** Sent again because its PUBACK was lost, in a session that has kept what came of it meanwhile [MQTT-3.3.1-1]. */
  isRetransmitted: boolean
  /** Seconds [MQTT-3.3.2.3.3]. */
  expiry: number | undefined
  correlation: Buffer | undefined
  responseTopic: string | undefined
  contentType: string | undefined
  /** Says that its payload is UTF-8 text. */
  isText: boolean
  /** User properties, each with its first value. */
  properties: Readonly<Record<string, string>>
}

/** An event on its way to devices. */
export interface Outgoing extends Keeping {
  topic: string
  payload: Buffer
  correlation?: Buffer | undefined
  /** The one session that gets it, if it is subscribed; undefined: all that are. */
  onlyTo?: string | undefined
  /** What it answers: a client that it is too large for is told that instead. */
  answers?: Answers | undefined
}

/** The command that an event answers. */
export interface Answers {
  command: string
  re: string | undefined
  /** Does the event's topic leave its name to the payload? */
  isNamed: boolean
}

/** How an event is kept for sessions that it does not reach at once. */
export interface Keeping {
  /** False: not at all, and it goes out at QoS 0. */
  kept?: boolean
  /** When nobody is sent it any more, by `steady`. */
  expiresAt?: number
}

/** A device's session, as it is kept while it has no connection. */
export interface Kept {
  user: UserId
  client: string
  /** Of the token that it had last. */
  jti: string | undefined
}

/** A command on its way to one handler process. */
export interface Delivery {
  topic: string
  payload: Buffer
  qos: 0 | 1
  stamp: Record<string, string>
}

/** What the broker decides; the engine asks. */
export interface Hooks {
  /**
   * Somebody who is who they say wants to come in.
   * @throws {Denied} when they are banned, or have too many sessions or connects
   */
  login(session: Session): void | Promise<void>
  /** A session is up; `window` is the Receive Maximum it asked for, at most 65,535. */
  connected(session: Session, window: number): void
  /**
   * Called in the order of a connection's packets; what it does before its first `await` keeps that order. The packet is
   * acknowledged when it resolves, in order.
   * @throws {Refusal} acknowledged as such (MQTT 5) and left to the hook to tell (3.1.1)
   */
  publish(session: Session, message: Incoming): void | Promise<void>
  /** A handler takes a command from now on. */
  consume(session: HandlerSession, command: string, qos: 0 | 1): void
  /** A subscription was refused. */
  refusedSubscription(session: Session, filter: string): void
  /** A handler takes no more of a command. */
  unconsume(session: HandlerSession, command: string): void
  /** A handler's PUBACK of a delivery at QoS 1; a reason code of 0x80 or more asks for a retry. */
  acknowledged(session: HandlerSession, delivery: Delivery, reasonCode: number): void
  /** It said nothing for longer than its keepalive; it is gone next. */
  fellSilent(session: Session): void
  gone(session: Session): void
  refusedConnect(reason: string, login: RefusedLogin): void
  /** A packet came, of whomever. */
  parsed(kind: string): void
  /** A device sends more than it may, and is disconnected. */
  flooded(session: Session | undefined): void
  fault(session: Session | undefined, err: Error): void
}

export interface RefusedLogin {
  address: string
  username?: string | undefined
  client?: string | undefined
  user?: UserId | undefined
}

export interface MqttEngine {
  /** Tells whether anyone is subscribed to this topic, connected or away. */
  isHeard(topic: string): boolean
  /** Stores the event in every session that must keep it; when the unit is stored, sends it to those connected. */
  event(unit: Unit, event: Outgoing): void
  /**
   * Publishes to an open topic, as MQTT does: resolves when it is stored wherever it must be kept.
   * @throws {Refusal}
   */
  relay(session: Session, message: Incoming): Promise<void>
  /**
   * Makes room for a session beside fewer than `most` others of its user: ends the oldest of those that have no connection. False
   * when there are too many that have one.
   */
  makeRoom(session: DeviceSession, most: number): boolean
  /** Ends sessions that have no connection, with what waits for them and their wills. Returns how many there were. */
  drop(isMeant: (kept: Kept) => boolean, user?: UserId): number
  /** Bytes of a packet that a session's client takes, at most; Infinity when it has not said. */
  largestFor(session: DeviceSession): number
  /** A session goes on with another token, which its kept state is to remember. */
  renewed(session: DeviceSession): void
  deliver(session: HandlerSession, delivery: Delivery): void
  /** Ends a session's connection, on MQTT 5 with this reason code; `forGood`: and what it would keep. */
  end(session: Session, reasonCode: number, forGood?: boolean): void
  /** Sends the wills that a broker which was killed has left. */
  resume(): void
  close(): Promise<void>
}

/** MQTT 5 reason codes of a refused PUBLISH. [MQTT-3.4.2.1] */
export const REASON: Record<Refusal['code'], number> = {
  bad_payload: 0x99,
  unknown_command: 0x90,
  forbidden: 0x87,
  not_found: 0x83,
  conflict: 0x83,
  rate_limited: 0x97,
  too_large: 0x83, // 0x95 is none of PUBACK's
  unavailable: 0x97,
  timeout: 0x83,
  offline: 0x83,
  hash_mismatch: 0x83,
  internal: 0x80,
}
// Why the broker ends a connection. [MQTT-3.14.2.1]
export const NOT_AUTHORIZED = 0x87
export const RECEIVE_MAXIMUM_EXCEEDED = 0x93
export const MESSAGE_RATE_TOO_HIGH = 0x96
export const QUOTA_EXCEEDED = 0x97
export const ADMINISTRATIVE_ACTION = 0x98
