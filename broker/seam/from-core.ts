import type { Code } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { MessageProperties, SessionMessage } from './session-message.ts'
import type { DeniedAs, Token } from './session.ts'
import type { Subscription } from './subscription.ts'
import type { Answers } from './too-large.ts'
import type { InFlight, OfConnection } from './messages.ts'

// What the core sends to a front.

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
