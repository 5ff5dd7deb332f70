import type { Answers } from './too-large.ts'

/** Properties of a message that are passed on to its receivers. */
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
  /** When it expires, on the clock of `steady`. */
  messageExpiry?: number
  answers?: Answers
  /** The shared subscription through which this session got it. */
  shared?: string
}
