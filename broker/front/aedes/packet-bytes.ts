import { encodePublish, type PublishProperties } from '../../../shared/wire/mqtt/publish.ts'
import type { InnerClient } from './internals.ts'
import type { Outgoing } from './outgoing.ts'

/**
 * Encodes a PUBLISH for a client of this MQTT version.
 * @throws {Error} when a string in it is longer than MQTT allows
 */
export function publishBytes({ version }: Pick<InnerClient, 'version'>, packet: Outgoing): Buffer {
  const { topic, payload, qos, dup, retain, messageId = 0, properties } = packet
  const message = { topic, payload, qos, dup, retain, messageId }
  if (version !== 5) return encodePublish(message, 4)
  return encodePublish(properties ? { ...message, properties: propertiesOf(properties) } : message, 5)
}

/** Converts properties from mqtt-packet's form to our codec's. */
export function propertiesOf(given: NonNullable<Outgoing['properties']>): PublishProperties {
  const { userProperties, subscriptionIdentifier, ...others } = given
  const ids = [subscriptionIdentifier ?? []].flat()
  return {
    ...(others as PublishProperties),
    ...(ids.length > 0 && { subscriptionIdentifiers: ids }),
    ...(userProperties && { userProperties: pairsOf(userProperties) }),
  }
}

function pairsOf(properties: Readonly<Record<string, string | string[]>>): [string, string][] {
  return Object.entries(properties).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  )
}
