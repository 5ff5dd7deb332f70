import { connectionOf } from './connection.ts'
import type { InnerClient, StoredPacket } from './internals.ts'
import { publishBytes } from './packet-bytes.ts'

/** Bytes that an alias adds to a packet: the property, and perhaps one more byte of their length. */
const ALIAS = 4

/** Is it more than the client takes? Then it counts as delivered [MQTT-3.1.2-25]. */
function isTooLarge(client: InnerClient, packet: StoredPacket): boolean {
  const { maximumPacketSize: most } = client
  if (most === undefined) return false
  if (packet.payload.length > most) return true
  const { length } = publishBytes(client, { ...packet, messageId: 1 })
  return length + (connectionOf(client).aliases ? ALIAS : 0) > most
}

/**
 * The packet as this client can take it. An answer that is too large becomes the refusal `instead`; anything else that is too large
 * is undefined.
 */
export function fitting(
  client: InnerClient,
  packet: StoredPacket,
  instead: (client: InnerClient, packet: StoredPacket) => StoredPacket | undefined,
): StoredPacket | undefined {
  if (!isTooLarge(client, packet)) return packet
  const other = instead(client, packet)
  return other && !isTooLarge(client, other) ? other : undefined
}
