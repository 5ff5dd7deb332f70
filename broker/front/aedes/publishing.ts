import type { Client, PublishPacket } from 'aedes'
import type { FromFront } from '../../seam/from-front.ts'
import { RECEIVE_MAXIMUM_EXCEEDED } from '../../seam/reasons.ts'
import type { Witness } from '../witness.ts'
import { isUntaken } from './acks.ts'
import { connectionOf, firstOfEach, type Connection } from './connection.ts'
import { isTopicName, SINK } from './guard.ts'
import { publishOf } from './incoming.ts'
import type { InnerClient } from './internals.ts'

export interface PublishingPorts {
  /** Most QoS 2 messages of one session without PUBREL. */
  maxHalfOpen: number
  toCore: (message: FromFront) => void
  /** Finishes a PUBLISH that need not reach the core. */
  published: (connection: Connection, number: number) => void
  witness: Witness
}

/**
 * Aedes' hook for a PUBLISH: QoS 2, those that came with CONNECT, and wills. Aedes publishes each to the sink, where nobody listens;
 * `Acks` acknowledges it.
 */
export function publishing({ maxHalfOpen, toCore, published, witness }: PublishingPorts) {
  return (client: Client | null, packet: PublishPacket, done: (err?: Error | null) => void): void => {
    const inner = client as unknown as InnerClient
    const connection = client ? connectionOf(client) : undefined
    const session = connection?.session
    if (!connection || !session) return done(new Error('a PUBLISH before login'))
    if (connection.will === packet) {
      toCore({ kind: 'will_due', connection: connection.number })
      sink(packet)
      return done(null)
    }
    if (!isTopicName(packet.topic)) return done(new Error('not a valid topic name'))
    const { messageId = 0, qos } = packet
    const { received } = connection
    const isAgain = qos === 2 && received.has(messageId) // [MQTT-4.3.3-10]
    if (qos === 2 && !isAgain && received.size >= maxHalfOpen) {
      witness.fault(session, new Error('too many QoS 2 messages without PUBREL'))
      inner.disconnect({ reasonCode: RECEIVE_MAXIMUM_EXCEEDED })
      sink(packet)
      return done(null)
    }
    if (isAgain) {
      const number = connection.acks.expect(messageId, qos, 0, () => done(null))
      sink(packet)
      return published(connection, number)
    }
    if (qos === 2) received.add(messageId)
    const number = connection.acks.expect(messageId, qos, 0, (failure) => {
      if (qos === 2 && isUntaken(inner.version, failure)) release(connection, messageId, toCore)
      done(null)
    })
    const message = publishOf(connection.number, number, packet, inner, firstOfEach(packet.properties?.userProperties))
    sink(packet)
    toCore(message)
  }
}

/** Releases a message id: the next PUBLISH under it is a new one. */
export function release(
  { number, received }: Connection,
  messageId: number,
  toCore: (message: FromFront) => void,
): void {
  if (received.delete(messageId)) toCore({ kind: 'released', connection: number, messageId })
}

/** Strips a packet, so that Aedes neither publishes nor acknowledges it. */
function sink(packet: PublishPacket): void {
  packet.topic = SINK
  packet.qos = 0
  packet.retain = false
  delete packet.properties
}
