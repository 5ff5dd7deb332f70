import { steady } from '../../../shared/steady.ts'
import { isMqttString } from '../../../shared/wire/mqtt-string.ts'
import { refuse } from '../../../shared/wire/refusal.ts'
import { stamp } from '../../../shared/wire/stamp.ts'
import type { MessageProperties, SessionMessage } from '../../seam/session-message.ts'
import type { Incoming } from '../../seam/from-front.ts'
import type { OpenMessage } from './retained.ts'

/** Bytes of an open topic, at most: it is the key under which its retained message is stored. */
const MAX_TOPIC_BYTES = 1_024

/**
 * A PUBLISH to an open topic, as its receivers get it.
 * @throws {Refusal} `bad_payload`
 */
export function openMessageOf(message: Incoming): OpenMessage {
  const { topic, payload, qos, expiry } = message
  if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES) throw refuse('bad_payload', { topic: 'is too long' })
  const unfit = unfitIn(message)
  if (unfit !== undefined) throw refuse('bad_payload', { [unfit]: 'contains control characters or non-characters' })
  return {
    topic,
    payload,
    qos,
    properties: propertiesOf(message),
    ...(expiry !== undefined && { messageExpiry: steady() + expiry * 1000 }),
  }
}

/** A message without the parts that are specific to one receiver. */
export function withoutReceiver({ topic, payload, qos, properties, messageExpiry }: SessionMessage): OpenMessage {
  const { subscriptionIdentifier: _theirs, ...rest } = properties ?? {}
  return { topic, payload, qos, properties: rest, ...(messageExpiry !== undefined && { messageExpiry }) }
}

/** The first text that must not go to others. */
function unfitIn({ contentType = '', responseTopic = '', properties }: Incoming): string | undefined {
  if (!isMqttString(contentType)) return 'content_type'
  if (!isMqttString(responseTopic)) return 'response_topic'
  return Object.entries(properties).flat().every(isMqttString) ? undefined : 'user_properties'
}

/** User properties that only the broker sets; a device's are removed. */
const STAMPED = new Set(Object.keys(stamp.shape))

function propertiesOf(message: Incoming): MessageProperties {
  const { contentType, isText, responseTopic, correlation, expiry, properties } = message
  const user = Object.fromEntries(Object.entries(properties).filter(([name]) => !STAMPED.has(name)))
  return {
    ...(contentType !== undefined && { contentType }),
    ...(isText && { payloadFormatIndicator: true }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlation && { correlationData: correlation }),
    ...(expiry !== undefined && { messageExpiryInterval: expiry }),
    ...(Object.keys(user).length > 0 && { userProperties: user }),
  }
}
