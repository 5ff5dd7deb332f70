import type { SessionMessage } from '../../seam/session-message.ts'

/** A message of an open topic, whoever gets it. */
export type OpenContent = Pick<SessionMessage, 'topic' | 'payload' | 'properties' | 'messageExpiry'>

/** A session that is to hold a message, and how. */
export interface MessageTarget {
  session: string
  qos: 1 | 2
  retain: boolean
  ids: readonly number[]
  shared?: string | undefined
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
