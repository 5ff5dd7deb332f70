import type { Outbox } from '../../../shared/outbox.ts'
import { mayReceive } from '../../seam/authority.ts'
import type { OpenReceiver, Relayed } from '../../seam/messages.ts'
import { asOfNow } from '../../seam/remaining-time.ts'
import { connectionOf, type Connection } from './connection.ts'
import { Copies } from './copies.ts'
import type { InnerClient, StoredPacket } from './internals.ts'
import { fitting } from './too-large.ts'
import { publishBytes } from './packet-bytes.ts'
import { packetOf } from './stored-packet.ts'

/** What Aedes numbers and we do not. */
const OF_NO_SESSION = 0

export interface RelayingPorts {
  maxUnsentBytes: number
  /** The connection with this number, while it is open. */
  connection: (number: number) => Connection | undefined
  /** Takes a message out of a session: its client must not get it. */
  drop: (session: string, packet: StoredPacket) => void
  /** Gives a QoS 1 or 2 packet its message id, and notes it. False when it has to wait for those before it. */
  sends(client: InnerClient, packet: StoredPacket): boolean
  /** The next message id of a client whose session ends with its connection. */
  nextId(client: InnerClient): number
}

export type Relays = ReturnType<typeof relaying>

/**
 * Sends messages of open topics. Aedes does not: it lowers no QoS 2 message to a wildcard subscription of QoS 1, and sends retained
 * ones under message ids that others may have.
 */
export function relaying(ports: RelayingPorts) {
  function send(client: InnerClient, kept: StoredPacket): void {
    const { session, outbox, aliases } = connectionOf(client)
    if (!client.conn.writable || !session || !mayReceive(session, kept.topic)) return
    const packet = fitting(client, kept)
    if (!packet) return ports.drop(client.id, kept)
    if (isTooSlow(client, outbox, packet.qos)) return
    if (packet.qos > 0 && !ports.sends(client, packet)) return
    try {
      outbox.write(publishBytes(client, (client.version === 5 && aliases?.name(packet)) || packet))
    } catch (err) {
      client.conn.destroy(err as Error) // what a client sent cannot be written to another
    }
  }

  /** Sends a message that no session keeps, and that is as all others get it. */
  function sendCopy({ client, outbox }: Connection, { qos }: OpenReceiver, copies: Copies): void {
    const { maximumPacketSize = Infinity, version } = client
    if (!client.conn.writable) return
    if (maximumPacketSize < Infinity && copies.form(version, qos).length > maximumPacketSize) return
    if (isTooSlow(client, outbox, qos)) return
    outbox.write(copies.bytes(version, qos, qos === 0 ? 0 : ports.nextId(client)))
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
        if (!connection) continue
        const { qos, retain, ids, number, shared } = receiver
        if (number === undefined && !retain && ids.length === 0 && !connection.aliases) {
          sendCopy(connection, receiver, copies)
          continue
        }
        const own = { ...message, qos, retain, ...(shared !== undefined && { shared }) }
        const withIds = ids.length > 0 ? { properties: { ...properties, subscriptionIdentifier: [...ids] } } : {}
        send(connection.client, packetOf(number ?? OF_NO_SESSION, { ...own, ...withIds }))
      }
    },

    /** Sends what has waited in a session for room in its client's window. */
    sendAgain(client: InnerClient, packet: StoredPacket): void {
      const now = asOfNow(packet)
      if (now) send(client, now)
    },
  }
}
