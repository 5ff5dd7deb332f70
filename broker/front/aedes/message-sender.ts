import type { Outbox } from '../../../shared/outbox.ts'
import type { OpenReceiver, OpenMessageFor } from '../../seam/from-core.ts'
import type { Connection } from './connection.ts'
import { Copies } from './copies.ts'
import type { InnerClient } from './internals.ts'
import { fitFor, isOver, TOO_SLOW, type ForwardPorts } from './forward.ts'
import { outgoing, type Outgoing } from './outgoing.ts'
import { publishBytes } from './packet-bytes.ts'

export type MessageSender = ReturnType<typeof messageSender>

/**
 * Sends messages of open topics, and messages that waited in sessions, without Aedes, which does not lower a QoS 2 message to the
 * QoS 1 of a wildcard subscription, and sends retained messages under message ids that may be in use.
 */
export function messageSender(ports: ForwardPorts) {
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
      client.conn.destroy(err as Error) // the message cannot be encoded for this client
    }
  }

  /** Sends a message that no session keeps, in the same form as to all others. */
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
    if (qos > 0) conn.destroy(new Error(TOO_SLOW))
    return true
  }

  return {
    openMessage({ topic, payload, properties, messageExpiry, to }: OpenMessageFor): void {
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
