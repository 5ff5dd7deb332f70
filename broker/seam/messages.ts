import type { Code } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { MessageProperties, SessionMessage } from './session-message.ts'
import type { DeniedAs, Session, Token } from './session.ts'
import type { Subscription } from './subscription.ts'
import type { Answers } from './too-large.ts'

// What a front and the core say to each other: plain data, each side's in the order in which it was said. In one process saying it is
// a function call; nothing here may be an object that both sides hold, a function or a promise.
//
// A connection has a number, which its front gives to none other. About a connection its front says, in this order: `login`, perhaps
// `hears` for what its session is subscribed to from before, perhaps `will`, `came`, then anything, and at last `went`; after that only
// what becomes of its will. When another connection takes its session over, `leaves` comes before the other's `came`, and `went` after. The core says nothing of a connection before its `login`, and may speak of one that has gone meanwhile: the
// front ignores it, as the core ignores what it hears of one that is not there.

/** What a connection brings with it, besides what it says. */
interface OfConnection {
  connection: number
}

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

/** Somebody who is who they say wants to come in. Answered by `admitted` or `denied`. */
export interface Login extends OfConnection {
  kind: 'login'
  session: Session
}

/** Who logs in leaves a will. Answered by `will_kept`, before which there is no CONNACK. */
export interface Will extends OfConnection {
  kind: 'will'
  session: Session
  message: Incoming
  /** Milliseconds that it waits after the connection has ended. */
  delay: number
}

/** A connection has its session: any other of the same session has ended. */
export interface Came extends OfConnection {
  kind: 'came'
  session: Session
  /** It begins anew: what its session kept is gone [MQTT-3.1.2-4]. */
  isClean: boolean
  /** It has the subscriptions that `admitted` named, and its client is told that its session goes on. */
  goesOn: boolean
  /** Its session holds what it has not acknowledged, if only as long as the connection lasts. */
  keeps: boolean
  /** Milliseconds for which its session outlives it. */
  outlives: number
  /** The Receive Maximum that its client asked for. */
  window: number
  /** Bytes of a packet that its client takes, at most; Infinity when it has not said. */
  largest: number
}

/** From now on its session holds what it has not acknowledged: it has a part in a shared subscription. */
export interface Keeps extends OfConnection {
  kind: 'keeps'
}

/** A connection has ended. */
export interface Went extends OfConnection {
  kind: 'went'
  /** Milliseconds for which its session outlives it. */
  outlives: number
}

/** A message of a session that has gone out to its client, or whose PUBREL has, and is not acknowledged. */
export interface UnderWay {
  /** Under which it waits in the session. */
  number: number
  messageId: number
}

/**
 * A connection whose session keeps messages sends none of them any more, since it ends or another has taken over its session: the
 * next one sends again what is under way, under the same message ids.
 */
export interface Leaves extends OfConnection {
  kind: 'leaves'
  underWay: readonly UnderWay[]
}

/** A connection has room for what waits in its session, which comes as `kept`: said once after CONNACK, then when `kept` asks for it. */
export interface WantsKept extends OfConnection {
  kind: 'wants_kept'
}

/** A message of a session is done with: its client has acknowledged it, or must not get it. */
export interface Cleared extends OfConnection {
  kind: 'cleared'
  number: number
}

/** A client has a QoS 2 message: what is left to send is its PUBREL, when `stored` has answered this. */
export interface ClientHas extends OfConnection, UnderWay {
  kind: 'client_has'
  asks: number
}

/** The answer to `verify`: whether to believe the token, not whether it was revoked or its user banned. */
export interface Verified extends OfConnection {
  kind: 'verified'
  asks: number
  /** Undefined: it is not believed. */
  token: Token | undefined
  /** Why it is not believed, for the log alone. */
  reason: string
}

/** A connection's client said nothing for longer than its keepalive; `went` comes next. */
export interface FellSilent extends OfConnection {
  kind: 'fell_silent'
}

/** A connection sends more than it may, and is being disconnected. */
export interface Flooded extends OfConnection {
  kind: 'flooded'
}

/**
 * A PUBLISH, at any QoS. Answered by `published` with its number, which counts those of its connection; the answers may come in another
 * order than the messages, and the front acknowledges in that of the messages.
 */
export interface Publish extends OfConnection, Incoming {
  kind: 'publish'
  number: number
  /** At QoS 2: the session has it from now on, until it is `released`, and its front sends none twice under one id. */
  messageId: number | undefined
}

/** The PUBREL of a PUBLISH at QoS 2 has come, or the client was told that it is not taken. */
export interface Released extends OfConnection {
  kind: 'released'
  messageId: number
}

/** A handler takes a command from now on. */
export interface Consume extends OfConnection {
  kind: 'consume'
  command: string
  qos: 0 | 1
}

/** A handler takes a command no more. */
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
 * A connection's session has these subscriptions from now on, as far as it may, or none to these filters any more. Those of open topics
 * stand behind `OPEN`. With `asks` it is to outlast the broker; answered by `stored` with that.
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

/** A new subscriber to open topics wants what is retained, which comes as `relayed`, a page at a time. */
export interface WantsRetained extends OfConnection {
  kind: 'wants_retained'
  filter: string
  qos: 0 | 1 | 2
  /** Of the subscription. */
  identifier: number | undefined
}

/** What a connection was sent has left for its socket: the answer to `wants_room`. */
export interface HasRoom extends OfConnection {
  kind: 'has_room'
}

/** A connection has ended without a DISCONNECT: its will waits for its delay, or is due now. */
export interface WillWaits extends OfConnection {
  kind: 'will_waits'
}
export interface WillDue extends OfConnection {
  kind: 'will_due'
}

/** A will is void: its client has said goodbye. */
export interface WillOver extends OfConnection {
  kind: 'will_over'
}

export type FromFront =
  | Login
  | Will
  | Came
  | Keeps
  | Leaves
  | Went
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

/** A login is let in: the front may go on with it, and with what its session has kept if it does not begin anew. */
export interface Admitted extends OfConnection {
  kind: 'admitted'
  subscriptions: readonly Subscription[]
}

/** The answer to `came`, before anything else is said of it, when its session goes on with what was begun on another connection. */
export interface Resumes extends OfConnection {
  kind: 'resumes'
  /** Ids of the QoS 2 messages that are not `released`. */
  received: readonly number[]
  /** What comes as `kept` under the message id that it has. */
  underWay: readonly UnderWay[]
}

/** What waits in a session, as its client gets it. */
export interface KeptMessage extends SessionMessage {
  number: number
  /** It may have been sent before [MQTT-3.3.1-1]. */
  dup: boolean
}

/**
 * What waits in a connection's session, in its order, no more than its client takes at once: they are
 * under way until they are `cleared`. A PUBREL is sent for one of which the number alone is given.
 */
export interface Kept extends OfConnection {
  kind: 'kept'
  messages: readonly (KeptMessage | { number: number; isReleased: true })[]
  /** The front is to say `wants_kept` when they have left. */
  asksForMore: boolean
}

/** What was asked to be stored is on the disk if it is to be there; `failed`: it is not. */
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

/** A will is on the disk, or cannot be stored: then its connection ends. */
export interface WillKept extends OfConnection {
  kind: 'will_kept'
  failed: boolean
}

/** Why a PUBLISH was not taken. `fault`: something of ours failed, and it is in the log. */
export interface Failure {
  code: Code | 'fault'
  /** Its sender may read it. */
  reason: string
}

/** A PUBLISH is dealt with: whatever must be kept of it is on the disk, or it was refused and its sender told. */
export interface Published extends OfConnection {
  kind: 'published'
  number: number
  failure: Failure | undefined
}

/** A command for one handler process. At QoS 1 its number is what `acknowledged` names. */
export interface Deliver extends OfConnection {
  kind: 'deliver'
  delivery: number
  topic: string
  payload: Buffer
  qos: 0 | 1
  stamp: Readonly<Record<string, string>>
}

/**
 * An event for these connections, as far as they hear it still; it is stored wherever it must be kept. One that is too large for its
 * client becomes what `answers` says, or is dropped.
 */
export interface EventFor {
  kind: 'event'
  to: readonly number[]
  /** Under which it waits in the sessions of all these connections, and is under way to them until it is `cleared`. */
  number: number | undefined
  topic: string
  payload: Buffer
  correlation: Buffer | undefined
  answers: Answers | undefined
  /** When nobody is sent it any more, by `steady`. */
  expiresAt: number | undefined
  /** False: no session keeps it, and it goes out at QoS 0. */
  kept: boolean
}

/** One that gets a message of an open topic, and how. */
export interface OpenReceiver extends OfConnection {
  qos: 0 | 1 | 2
  retain: boolean
  /** Of its subscriptions that match. */
  ids: readonly number[]
  /** Under which it waits in the session and is under way until it is `cleared`, if the session keeps it. */
  number: number | undefined
  /** The shared subscription for which it is this one's turn. */
  shared: string | undefined
}

/** A message of an open topic; it is stored wherever it must be kept. */
export interface Relayed {
  kind: 'relayed'
  topic: string
  payload: Buffer
  properties: MessageProperties | undefined
  /** When nobody is sent it any more, by `steady`. */
  messageExpiry: number | undefined
  to: readonly OpenReceiver[]
}

/** The front is to say `has_room` when what this connection was sent has left. */
export interface WantsRoom extends OfConnection {
  kind: 'wants_room'
}

/** A client wants to go on with another token. Answered by `verified`, also when its connection has gone. */
export interface Verify extends OfConnection {
  kind: 'verify'
  asks: number
  token: string
}

/** Its session goes on with another token, by which the front judges from now on what it may hear. */
export interface Renewed extends OfConnection {
  kind: 'renewed'
  token: Token
}

/** Ends a connection, on MQTT 5 with this reason code. `forGood`: and what its session would keep. */
export interface End extends OfConnection {
  kind: 'end'
  reasonCode: number
  forGood: boolean
}

/** A session without a connection has ended: the front waits no more for its will. */
export interface Dropped {
  kind: 'dropped'
  session: string
}

export type FromCore =
  | Admitted
  | Resumes
  | Kept
  | Stored
  | Denial
  | WillKept
  | Published
  | Deliver
  | EventFor
  | Relayed
  | WantsRoom
  | Verify
  | Renewed
  | End
  | Dropped
