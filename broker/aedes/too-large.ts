import type { InnerClient, StoredPacket } from './internals.ts'

/** Bytes of a PUBLISH beside its topic, payload and the properties that have no bound: more than it can be. */
const OVERHEAD = 32

/** Is it more than the client takes? Then it counts as delivered [MQTT-3.1.2-25]. */
export function isTooLarge(
  { maximumPacketSize: most }: InnerClient,
  { topic, payload, properties }: StoredPacket,
): boolean {
  if (most === undefined) return false
  const { correlationData, userProperties } = properties ?? {}
  const more = (correlationData?.length ?? 0) + (userProperties ? JSON.stringify(userProperties).length : 0)
  return payload.length + Buffer.byteLength(topic) + more + OVERHEAD > most
}
