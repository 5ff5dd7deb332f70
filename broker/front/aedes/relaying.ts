import type { Outbox } from '../../../shared/outbox.ts'
import type { OpenReceiver, Relayed } from '../../seam/messages.ts'
import type { Connection } from './connection.ts'
import { Copies } from './copies.ts'
import type { InnerClient } from './internals.ts'
import { fitFor, isOver, type ForwardPorts } from './forward.ts'
import { outgoing, type Outgoing } from './outgoing.ts'
import { publishBytes } from './packet-bytes.ts'

export type Relays = ReturnType<typeof relaying>

/**
 * Sends messages of open topics, and what has waited in sessions. Aedes does not: it lowers no QoS 2 message to a wildcard subscription
 * of QoS 1, and sends retained ones under message ids that others may have.
 */
export function relaying(ports: ForwardPorts) {
  function send(connection: Connection, message: Outgoing): void {
    const { session, outbox, aliases, client } = connection
    if (!client.conn.writable || !session) return
    const packet = fitFor(session, client, message)
    if (!packet) return ports.clears(connection, message)
    if (isTooSlow(client, outbox, packet.qos)) return
    if (packet.qos > 0 && (packet.messageId = ports.idFor(connection, packet)) === undefined) return
    try {
      outbox.write(publishBytes(client, (client.version === 5 && aliases?.name(packet)) || packet))
    } catch (err) {
      client.conn.destroy(err as Error) // what a client sent cannot be written to another
    }
  }

  /** Sends a message that no session keeps, and that is as all others get it. */
  function sendCopy(connection: Connection, { qos }: OpenReceiver, copies: Copies): void {
    const { client, outbox } = connection
    const { maximumPacketSize = Infinity, version } = client
    if (!client.conn.writable) return
    if (maximumPacketSize < Infinity && copies.form(version, qos).length > maximumPacketSize) return
    if (isTooSlow(client, outbox, qos)) return
    const messageId = qos === 0 ? 0 : ports.idFor(connection, NOT_HELD)
    if (messageId !== undefined) outbox.write(copies.bytes(version, qos, messageId))
  }

  function isTooSlow({ conn }: InnerClient, outbox: Outbox, qos: 0 | 1 | 2): boolean {
    if (outbox.unsent <= ports.maxUnsentBytes) return false
    if (qos > 0) conn.destroy(new Error('too slow'))
    return true
  }

  return {
    relayed({ topic, payload, properties, messageExpiry, to }: Relayed): void {
      const message = {
        topic,
        payload,
        ...(properties && { properties }),
        ...(messageExpiry !== undefined && { messageExpiry }),
      }
      const copies = new Copies(message)
      for (const receiver of to) {
        const connection = ports.connection(receiver.connection)
        if (!connection || isOver(connection)) continue
        const { qos, retain, ids, number, shared } = receiver
        if (number === undefined && !retain && ids.length === 0 && !connection.aliases) {
          sendCopy(connection, receiver, copies)
          continue
        }
        const own = { ...message, qos, retain, ...(shared !== undefined && { shared }) }
        const withIds = ids.length > 0 ? { properties: { ...properties, subscriptionIdentifier: [...ids] } } : {}
        send(connection, outgoing(number, { ...own, ...withIds }))
      }
    },

    /** Sends a message that has waited in a session. */
    send,
  }
}

const NOT_HELD = { number: undefined }
