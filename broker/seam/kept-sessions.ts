import type { Answers } from './too-large.ts'

// What the front asks the core's sessions, which outlive their connections: what they are subscribed to, and what waits for them.

/** What stands before the filter of open topics in a subscription. */
export const OPEN = '$open/'

export interface Subscription {
  topic: string
  qos: 0 | 1 | 2
  /** No Local, Retain As Published, Retain Handling [MQTT-3.8.3.1]. */
  nl?: boolean
  rap?: boolean
  rh?: number
  subscriptionIdentifier?: number
}

/** Properties of a message that its receivers get too. */
export interface MessageProperties {
  contentType?: string
  payloadFormatIndicator?: boolean
  responseTopic?: string
  correlationData?: Buffer
  messageExpiryInterval?: number
  userProperties?: Record<string, string>
  subscriptionIdentifier?: number[]
}

/** A message as one session gets it. */
export interface SessionMessage {
  topic: string
  payload: Buffer
  qos: 0 | 1 | 2
  retain: boolean
  properties?: MessageProperties
  /** When nobody is sent it any more, by `steady`. */
  messageExpiry?: number
  answers?: Answers
  /** The shared subscription for which one of its group has this message. */
  shared?: string
}

/** A message of an open topic, whoever gets it. */
export type OpenMessage = Pick<SessionMessage, 'topic' | 'payload' | 'properties' | 'messageExpiry'>

/** A session that is to hold a message, and how. */
export interface MessageTarget {
  session: string
  qos: 1 | 2
  retain: boolean
  ids: readonly number[]
  shared?: string | undefined
}

/** A message of QoS 1 or 2 that waits for its acknowledgement; what is in it is read when it is sent. */
export interface Waiting {
  /** The client has it; what is left to do is its PUBREL [MQTT-4.3.3-1]. */
  readonly isReleased: boolean
  /** A broker that has ended may have sent it [MQTT-3.3.1-1]. */
  readonly isOfOld: boolean
  /** Under which it went out. */
  messageId: number | undefined
  /** The connection on which it went out last. */
  sentOn: object | undefined
  /** Called when it goes out, or is gone. */
  sent: (() => void) | undefined
}

export interface KeptSession {
  readonly id: string
  /** Milliseconds for which it outlives its connection; 0: not at all, and it is not on the disk. */
  readonly expiry: number
  /** By number, in the order of their publishing. */
  readonly waiting: ReadonlyMap<number, Waiting>
  /** Of what waits. */
  readonly bytes: number
  /** Message id to number. */
  readonly byMessageId: Map<number, number>
  /** The connection that still gets the queue of its absence: what is published meanwhile lines up behind. */
  catchingUp?: object | undefined
  /** Called when something of what waits has gone. */
  relieved?: (() => void) | undefined
}

/** How a session gets the messages of one topic: by the highest QoS of its subscriptions that match [MQTT-3.3.4-2]. */
export interface OpenMatch {
  qos: 0 | 1 | 2
  keepsRetain: boolean
  /** Of all subscriptions that match [MQTT-3.3.4-4]. */
  identifiers: number[]
  /** The shared subscription for which it is this session's turn. */
  shared?: string
}

export interface KeptSessions {
  get(id: string): KeptSession | undefined
  /** What waits under this number, as the session gets it now: undefined when it is not to have it any more. */
  message(id: string, number: number): SessionMessage | undefined
  /** Takes one message out of a session, if it is there. */
  drop(id: string, number: number): void
  /** Resolves when it is on the disk that the client has this QoS 2 message, and its PUBREL may go out. */
  has(id: string, messageId: number): Promise<void>
}
