import type { Refusal } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { HandlerSession } from './session.ts'

// What is not yet said by messages (messages.ts): sessions that are kept, and events.

/** An event on its way to devices, once it is stored wherever it must be kept. */
export interface Outgoing extends Keeping {
  /** Under which it waits in the sessions that keep it. */
  number: number
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

/** How the core's parts reach devices and handlers. */
export interface MqttEngine {
  /** Tells whether anyone who is connected is subscribed to this topic. */
  isHeard(topic: string): boolean
  /** Sends an event to those who are connected and subscribed to it. */
  event(event: Outgoing): void
  deliver(session: HandlerSession, delivery: Delivery): void
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
