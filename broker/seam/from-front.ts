import type { Session, Token } from './session.ts'
import type { Subscription } from './subscription.ts'
import type { InFlight, OfConnection } from './messages.ts'

// What a front sends to the core; messages.ts says in which order.

/** A PUBLISH as it arrived, not yet checked. */
export interface Incoming {
  topic: string
  payload: Buffer
  qos: 0 | 1 | 2
  retain: boolean
  /** A retransmission after a lost PUBACK, in a session that has kept the outcome of the first transmission [MQTT-3.3.1-1]. */
  isRetransmitted: boolean
  /** Seconds [MQTT-3.3.2.3.3]. */
  expiry: number | undefined
  correlation: Buffer | undefined
  responseTopic: string | undefined
  contentType: string | undefined
  /** Payload Format Indicator: the payload is UTF-8 text. */
  isText: boolean
  /** User properties, first value of each name. */
  properties: Readonly<Record<string, string>>
}

/** An authenticated client asks to be admitted. Answered by `admitted` or `denied`. */
export interface Login extends OfConnection {
  kind: 'login'
  session: Session
}

/** The will of a client that is logging in. Answered by `will_kept`; CONNACK waits for that. */
export interface Will extends OfConnection {
  kind: 'will'
  session: Session
  message: Incoming
  /** Milliseconds between the end of the connection and the will. */
  delay: number
}

/** A connection now owns its session; any other connection of that session has ended. */
export interface Connected extends OfConnection {
  kind: 'connected'
  session: Session
  /** Clean start: what the session kept is discarded [MQTT-3.1.2-4]. */
  isClean: boolean
  /** Session Present: it has the subscriptions listed in `admitted`, and CONNACK tells its client so. */
  sessionPresent: boolean
  /** The session holds unacknowledged messages, at least while the connection lasts. */
  keeps: boolean
  /** Milliseconds for which the session outlives the connection. */
  outlives: number
  /** The client's Receive Maximum. */
  window: number
  /** The client's Maximum Packet Size in bytes; Infinity when it set none. */
  largest: number
}

/** From now on the session holds unacknowledged messages, since it takes part in a shared subscription. */
export interface Keeps extends OfConnection {
  kind: 'keeps'
}

/** A connection has ended. */
export interface Disconnected extends OfConnection {
  kind: 'disconnected'
  /** Milliseconds for which the session outlives the connection. */
  outlives: number
}

/**
 * A connection stops sending its session's messages, because it ends or another connection takes over. The next connection resends
 * what is in flight, under the same message ids.
 */
export interface Leaves extends OfConnection {
  kind: 'leaves'
  inFlight: readonly InFlight[]
}

/** A connection asks for what waits in its session, which comes as `kept`: once after CONNACK, then whenever `kept` asks for it. */
export interface WantsKept extends OfConnection {
  kind: 'wants_kept'
}

/** A message of a session is finished: its client has acknowledged it, or must not get it. */
export interface Cleared extends OfConnection {
  kind: 'cleared'
  number: number
}

/** A client has received a QoS 2 message (PUBREC). Its PUBREL is sent once `stored` has answered this. */
export interface ClientHas extends OfConnection, InFlight {
  kind: 'client_has'
  asks: number
}

/** The answer to `verify`: whether the token is valid, without regard to revocations and bans. */
export interface Verified extends OfConnection {
  kind: 'verified'
  asks: number
  /** Undefined: it is invalid. */
  token: Token | undefined
  /** Why it is invalid, for the log alone. */
  reason: string
}

/** A client was silent for longer than its keepalive allows; `disconnected` comes next. */
export interface FellSilent extends OfConnection {
  kind: 'fell_silent'
}

/** A connection sends more packets than allowed, and is being disconnected. */
export interface Flooded extends OfConnection {
  kind: 'flooded'
}

/**
 * A PUBLISH, at any QoS, numbered within its connection. Answered by `published` with that number. Answers may come in any order; the
 * front acknowledges in the order of the messages.
 */
export interface Publish extends OfConnection, Incoming {
  kind: 'publish'
  number: number
  /** At QoS 2: the session holds this id until `released`, and the front reports no second PUBLISH under it. */
  messageId: number | undefined
}

/** The PUBREL of a QoS 2 PUBLISH has arrived, or the client was told that the PUBLISH was refused. */
export interface Released extends OfConnection {
  kind: 'released'
  messageId: number
}

/** A handler subscribes to a command. */
export interface Consume extends OfConnection {
  kind: 'consume'
  command: string
  qos: 0 | 1
}

/** A handler unsubscribes from a command. */
export interface Unconsume extends OfConnection {
  kind: 'unconsume'
  command: string
}

/** A handler's PUBACK of a delivery at QoS 1; a reason code of 0x80 or more asks for a retry. */
export interface Acknowledged extends OfConnection {
  kind: 'acknowledged'
  delivery: number
  reasonCode: number
}

/**
 * A session adds these subscriptions, as far as its rights go, or removes those to these filters. Filters of open topics have the
 * prefix `OPEN`. With `asks` the change must survive a restart of the broker; `stored` answers it.
 */
export interface Subscribes extends OfConnection {
  kind: 'subscribes'
  subscriptions: readonly Subscription[]
  asks: number | undefined
}
export interface Unsubscribes extends OfConnection {
  kind: 'unsubscribes'
  filters: readonly string[]
  asks: number | undefined
}

/** A device has subscribed to one of its user's event topics, or has unsubscribed. */
export interface Hears extends OfConnection {
  kind: 'hears'
  topic: string
}
export interface HearsNoMore extends OfConnection {
  kind: 'hears_no_more'
  topic: string
}

/** A new subscriber to open topics asks for retained messages, which come as `open_message`, a page at a time. */
export interface WantsRetained extends OfConnection {
  kind: 'wants_retained'
  filter: string
  qos: 0 | 1 | 2
  /** The Subscription Identifier. */
  identifier: number | undefined
}

/** Everything sent to a connection has left for its socket: the answer to `wants_room`. */
export interface HasRoom extends OfConnection {
  kind: 'has_room'
}

/** A connection has ended without a DISCONNECT, and its will waits for its delay. */
export interface WillWaits extends OfConnection {
  kind: 'will_waits'
}
/** The will of such a connection is due now. */
export interface WillDue extends OfConnection {
  kind: 'will_due'
}

/** A will is void: its client has disconnected normally. */
export interface WillOver extends OfConnection {
  kind: 'will_over'
}

export type FromFront =
  | Login
  | Will
  | Connected
  | Keeps
  | Leaves
  | Disconnected
  | WantsKept
  | Cleared
  | ClientHas
  | Verified
  | FellSilent
  | Flooded
  | Publish
  | Released
  | Subscribes
  | Unsubscribes
  | Consume
  | Unconsume
  | Acknowledged
  | Hears
  | HearsNoMore
  | WantsRetained
  | HasRoom
  | WillWaits
  | WillDue
  | WillOver
