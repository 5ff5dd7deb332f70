import { generate, type Packet } from 'mqtt-packet'
import { connectionOf } from './connection.ts'
import type { InnerClient, StoredPacket } from './internals.ts'

/** Bytes that an alias adds to a packet: the property, and perhaps one more byte of their length. */
const ALIAS = 4

/** Is it more than the client takes? Then it counts as delivered [MQTT-3.1.2-25]. */
export function isTooLarge(client: InnerClient, packet: StoredPacket): boolean {
  const { maximumPacketSize: most, version } = client
  if (most === undefined) return false
  if (packet.payload.length > most) return true
  const { length } = generate({ ...packet, messageId: 1 } as Packet, { protocolVersion: version as 5 })
  return length + (connectionOf(client).aliases ? ALIAS : 0) > most
}
