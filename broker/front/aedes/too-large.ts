import { mayReceive } from '../../seam/authority.ts'
import { tooLarge } from '../../seam/too-large.ts'
import { connectionOf } from './connection.ts'
import type { InnerClient } from './internals.ts'
import type { Outgoing } from './outgoing.ts'
import { publishBytes } from './packet-bytes.ts'

/** Bytes that a topic alias adds to a packet: the property, and perhaps one more byte of Property Length. */
const ALIAS = 4

/** Does it exceed the client's Maximum Packet Size? Then it counts as delivered [MQTT-3.1.2-25]. */
function isTooLarge(client: InnerClient, packet: Outgoing): boolean {
  const { maximumPacketSize: max } = client
  if (max === undefined) return false
  if (packet.payload.length > max) return true
  const { length } = publishBytes(client, { ...packet, messageId: 1 })
  return length + (connectionOf(client).aliases ? ALIAS : 0) > max
}

/** The refusal that replaces an answer too large for the client, if the client subscribes to it. */
function instead(client: InnerClient, { answers, ...packet }: Outgoing): Outgoing | undefined {
  const { session } = connectionOf(client)
  if (!answers || session?.kind !== 'device') return undefined
  const told = { ...packet, ...tooLarge(session.user, packet.topic, answers) }
  return client.subscriptions[told.topic] && mayReceive(session, told.topic) ? told : undefined
}

/** The packet in a size that the client accepts. An answer that is too large becomes a refusal; anything else too large, undefined. */
export function fitting(client: InnerClient, packet: Outgoing): Outgoing | undefined {
  if (!isTooLarge(client, packet)) return packet
  const other = instead(client, packet)
  return other && !isTooLarge(client, other) ? other : undefined
}
