import type { SessionMessage } from '../../seam/session-message.ts'

/** A message of an open topic, the same for all receivers. */
export type OpenContent = Pick<SessionMessage, 'topic' | 'payload' | 'properties' | 'messageExpiry'>

/** A session that is to keep a message, and how. */
export interface MessageTarget {
  session: string
  qos: 1 | 2
  retain: boolean
  ids: readonly number[]
  shared?: string | undefined
}

/** How a session receives messages of a topic: at the highest QoS of its matching subscriptions [MQTT-3.3.4-2]. */
export interface OpenMatch {
  qos: 0 | 1 | 2
  keepsRetain: boolean
  /** Subscription identifiers of all matching subscriptions [MQTT-3.3.4-4]. */
  identifiers: number[]
  /** The shared subscription in which this session has its turn. */
  shared?: string
}
