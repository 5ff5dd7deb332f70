import type { Answers } from './too-large.ts'

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
