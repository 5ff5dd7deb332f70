import type { PublishProperties } from '../../../shared/wire/mqtt/publish.ts'
import type { InnerClient } from './internals.ts'
import type { Incoming } from '../../seam/port.ts'

/** A PUBLISH as our codec or mqtt-packet reads it: they name all properties alike but those of the user. */
interface Read {
  topic: string
  payload: Buffer | string
  qos: 0 | 1 | 2
  retain: boolean
  dup?: boolean | undefined
  properties?: Omit<PublishProperties, 'userProperties'> | undefined
}

/**
 * A PUBLISH as the rest of the broker gets it. Its bytes are copied, so that what is kept of it does not keep all that came with it.
 * @param properties of the user, each with its first value
 */
export function incomingOf(
  { topic, payload, qos, retain, dup, properties: its }: Read,
  { clean }: Pick<InnerClient, 'clean'>,
  properties: Readonly<Record<string, string>>,
): Incoming {
  return {
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
