import { steady } from '../../shared/steady.ts'

/** A copy with the remaining Message Expiry Interval [MQTT-3.3.2-6]; undefined when the message has expired. */
export function asOfNow<Message extends { messageExpiry?: number; properties?: object | undefined }>(
  message: Message,
): Message | undefined {
  const { messageExpiry, properties } = message
  if (messageExpiry === undefined) return { ...message }
  const left = messageExpiry - steady()
  if (left <= 0) return undefined
  return { ...message, properties: { ...properties, messageExpiryInterval: Math.ceil(left / 1000) } }
}
