import type { PublishProperties } from '../../../shared/wire/mqtt/publish.ts'
import type { Incoming, Publish } from '../../seam/from-front.ts'
import type { InnerClient } from './internals.ts'

/** A PUBLISH as our codec or mqtt-packet decodes it; they differ in the form of user properties alone. */
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
 * A PUBLISH in the form that the core gets. Copies its bytes, so that keeping it does not keep the whole chunk alive.
 * @param properties user properties, first value of each name
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

/** A will in the form that the core gets. */
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
