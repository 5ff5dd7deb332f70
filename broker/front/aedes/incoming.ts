import type { PublishProperties } from '../../../shared/wire/mqtt/publish.ts'
import type { Incoming, Publish } from '../../seam/messages.ts'
import type { InnerClient } from './internals.ts'

/** A PUBLISH as our codec or mqtt-packet reads it: they name all properties alike but those of the user. */
interface Read {
  topic: string
  payload: Buffer | string
  qos: 0 | 1 | 2
  retain: boolean
  dup?: boolean | undefined
  messageId?: number | undefined
  properties?: Omit<PublishProperties, 'userProperties'> | undefined
}

/**
 * A PUBLISH as the core gets it. Its bytes are copied, so that what is kept of it does not keep all that came with it.
 * @param properties of the user, each with its first value
 */
export function publishOf(
  connection: number,
  number: number,
  { topic, payload, qos, retain, dup, messageId, properties: its }: Read,
  { clean }: Pick<InnerClient, 'clean'>,
  properties: Readonly<Record<string, string>>,
): Publish {
  return {
    kind: 'publish',
    connection,
    number,
    messageId: qos === 2 ? messageId : undefined,
    topic,
    payload: Buffer.from(payload as Buffer),
    qos,
    isRetransmitted: dup === true && !clean,
    expiry: its?.messageExpiryInterval,
    correlation: its?.correlationData && Buffer.from(its.correlationData),
    responseTopic: its?.responseTopic,
    contentType: its?.contentType,
    isText: its?.payloadFormatIndicator === true,
    retain,
    properties,
  }
}

/** A will, which has no number. */
export function willOf(will: Read, properties: Readonly<Record<string, string>>): Incoming {
  const {
    kind: _kind,
    messageId: _id,
    connection: _connection,
    number: _number,
    ...message
  } = publishOf(0, 0, will, NO_SESSION, properties)
  return message
}
const NO_SESSION = { clean: true }
