import type { Code } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { MessageProperties, SessionMessage } from './session-message.ts'
import type { DeniedAs, Session, Token } from './session.ts'
import type { Subscription } from './subscription.ts'
import type { Answers } from './too-large.ts'

// The messages between a front and the core: plain data, delivered in order in each direction. In one process a message is a function
// call. A message may hold no function, no promise and no object that both sides keep.
//
// A front numbers its connections and never reuses a number. The front sends about a connection, in this order: `login`; `hears` for
// each subscription that its session already has, if any; `will`, if any; `connected`; then anything; and at last `disconnected`. After `disconnected` it
// only reports what becomes of the will. On a takeover, the old connection's `leaves` comes before the new one's `connected`, and its `disconnected`
// after. The core sends nothing about a connection before its `login`, but may still address one that has gone: the front ignores
// that, and the core ignores messages about connections that it does not know.

interface OfConnection {
  connection: number
}

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

/** A message of a session that is in flight: it, or its PUBREL, was sent and is not acknowledged. */
export interface InFlight {
  /** The message's number in the session. */
  number: number
  messageId: number
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

/** A login is admitted, with the subscriptions that its session has kept; a clean start ignores them. */
export interface Admitted extends OfConnection {
  kind: 'admitted'
  subscriptions: readonly Subscription[]
}

/** The answer to `connected`, before any other message about it, when the session continues what another connection began. */
export interface Resumes extends OfConnection {
  kind: 'resumes'
  /** Ids of received QoS 2 messages that are not `released`. */
  received: readonly number[]
  /** Messages that come as `kept` and keep their message ids. */
  inFlight: readonly InFlight[]
}

/** A message that waits in a session, as its client gets it. */
export interface WaitingMessage extends SessionMessage {
  number: number
  /** It may have been sent already [MQTT-3.3.1-1]. */
  dup: boolean
}

/**
 * Messages that wait in a connection's session, in order, no more than its client takes at once. They are in flight until they are
 * `cleared`. An entry with a number alone stands for its PUBREL.
 */
export interface KeptPage extends OfConnection {
  kind: 'kept'
  messages: readonly (WaitingMessage | { number: number; isReleased: true })[]
  /** The front must send `wants_kept` once they have left. */
  asksForMore: boolean
}

/** The answer to a message with `asks`: what had to be stored is on disk, or storing `failed`. */
export interface Stored extends OfConnection {
  kind: 'stored'
  asks: number
  failed: boolean
}

/** A login is refused. The reason is for the log alone. */
export interface Denial extends OfConnection {
  kind: 'denied'
  as: DeniedAs
  reason: string
  user: UserId | undefined
}

/** A will is on disk; or storing it `failed`, and its connection ends. */
export interface WillKept extends OfConnection {
  kind: 'will_kept'
  failed: boolean
}

/** Why a PUBLISH was refused. `fault`: the broker itself failed, and logged it. */
export interface Failure {
  code: Code | 'fault'
  /** Its sender may read it. */
  reason: string
}

/** A PUBLISH is finished: what must be kept of it is on disk, or it was refused and its sender told. */
export interface Published extends OfConnection {
  kind: 'published'
  number: number
  failure: Failure | undefined
}

/** A command for one handler process. At QoS 1, `acknowledged` refers to it by its `delivery`. */
export interface Deliver extends OfConnection {
  kind: 'deliver'
  delivery: number
  topic: string
  payload: Buffer
  qos: 0 | 1
  stamp: Readonly<Record<string, string>>
}

/**
 * An event for those of these connections that still subscribe to it; it is already stored wherever it must be kept. If it is too
 * large for a client, the client gets the refusal that follows from `answers`, or nothing.
 */
export interface EventFor {
  kind: 'event'
  to: readonly number[]
  /** Its number in the sessions of all these connections; it is in flight to each until `cleared`. */
  number: number | undefined
  topic: string
  payload: Buffer
  correlation: Buffer | undefined
  answers: Answers | undefined
  /** When it expires, on the clock of `steady`. */
  expiresAt: number | undefined
  /** False: no session keeps it, and it goes out at QoS 0. */
  kept: boolean
}

/** A receiver of an open topic's message, and how it gets it. */
export interface OpenReceiver extends OfConnection {
  qos: 0 | 1 | 2
  retain: boolean
  /** Subscription Identifiers of the matching subscriptions. */
  ids: readonly number[]
  /** Its number in the session, if the session keeps it; it is in flight until `cleared`. */
  number: number | undefined
  /** The shared subscription that chose this receiver. */
  shared: string | undefined
}

/** A message of an open topic, already stored wherever it must be kept. */
export interface OpenMessageFor {
  kind: 'open_message'
  topic: string
  payload: Buffer
  properties: MessageProperties | undefined
  /** When it expires, on the clock of `steady`. */
  messageExpiry: number | undefined
  to: readonly OpenReceiver[]
}

/** Asks the front to send `has_room` once everything sent to this connection has left. */
export interface WantsRoom extends OfConnection {
  kind: 'wants_room'
}

/** A client wants to continue with another token. Answered by `verified`, even when its connection has gone. */
export interface Verify extends OfConnection {
  kind: 'verify'
  asks: number
  token: string
}

/** The session continues with another token, which from now on decides what the connection may receive. */
export interface Renewed extends OfConnection {
  kind: 'renewed'
  token: Token
}

/** Ends a connection, on MQTT 5 with this reason code. `forGood` ends its session too. */
export interface End extends OfConnection {
  kind: 'end'
  reasonCode: number
  forGood: boolean
}

/** A session without a connection has ended; the front drops its delayed will. */
export interface Dropped {
  kind: 'dropped'
  session: string
}

export type FromCore =
  | Admitted
  | Resumes
  | KeptPage
  | Stored
  | Denial
  | WillKept
  | Published
  | Deliver
  | EventFor
  | OpenMessageFor
  | WantsRoom
  | Verify
  | Renewed
  | End
  | Dropped
