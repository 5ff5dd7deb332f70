import type { AedesPublishPacket, Client, Subscription } from 'aedes'
import { encodePublish } from '../../../shared/wire/mqtt/publish.ts'
import { mayReceive } from '../../seam/authority.ts'
import type { Deliver, EventFor } from '../../seam/messages.ts'
import type { Session } from '../../seam/session.ts'
import { steady } from '../../../shared/steady.ts'
import { connectionOf, type Connection } from './connection.ts'
import type { InnerClient, StoredPacket } from './internals.ts'
import { fitting } from './too-large.ts'
import { publishBytes } from './packet-bytes.ts'
import { packetOf } from './stored-packet.ts'

export interface ForwardPorts {
  /** The connection with this number, while it is open. */
  connection: (number: number) => Connection | undefined
  maxUnsentBytes: number
  /** Takes an event out of a session: its client must not get it. */
  drop: (session: string, packet: StoredPacket) => void
  /** Gives a QoS 1 packet its message id, and notes it. False when it has to wait for those before it. */
  sends: (client: InnerClient, packet: StoredPacket) => boolean
}

export type Forward = ReturnType<typeof forwarding>

/** Sends events to those who are connected. */
export function forwarding({ connection, maxUnsentBytes, drop, sends }: ForwardPorts) {
  function send({ client, session, outbox }: Connection, sub: Subscription, packet: StoredPacket): void {
    if (!session || client.conn.destroyed) return
    const fit = fitFor(session, client, packet)
    if (!fit) return drop(client.id, packet)
    if (!client.connackSent) return
    const own: StoredPacket = { ...fit, qos: sub.qos === 0 ? 0 : packet.qos }
    const { subscriptionIdentifier: id } = sub as { subscriptionIdentifier?: number }
    if (id !== undefined) own.properties = { ...own.properties, subscriptionIdentifier: id }
    if (outbox.unsent > maxUnsentBytes) {
      if (own.qos > 0) client.conn.destroy(new Error('too slow')) // what it misses waits in its session, if it has one
      return
    }
    if (own.qos > 0 && !sends(client, own)) return
    outbox.write(publishBytes(client, own))
  }

  return {
    /** Sends an event to those who hear it still. */
    event({ to, number, topic, payload, correlation, answers, expiresAt, kept }: EventFor): void {
      const properties = correlation && { properties: { correlationData: correlation } }
      const expiry = expiresAt !== undefined && { messageExpiry: expiresAt }
      const message = { topic, payload, qos: kept ? 1 : 0, retain: false, ...properties, ...expiry } as const
      const packet = packetOf(number, answers ? { ...message, answers } : message)
      for (const one of to) {
        const its = connection(one)
        const sub = its?.filters.get(topic)
        if (its && sub) send(its, sub, packet)
      }
    },
  }
}

/** Sends a command to one handler process. */
export function deliver(client: InnerClient, { delivery, topic, payload, qos, stamp }: Deliver): void {
  const { inbox, outbox } = connectionOf(client)
  if (!inbox || client.conn.destroyed) return
  if (inbox.isFull) return void client.conn.destroy(new Error('a handler that acknowledges nothing'))
  const messageId = qos === 0 ? 0 : inbox.reserve(delivery)
  const message = { topic, payload, qos, dup: false, retain: false, messageId }
  if (client.version !== 5) return outbox.write(encodePublish(message, 4))
  outbox.write(encodePublish({ ...message, properties: { userProperties: Object.entries(stamp) } }, 5))
}

export interface CatchingUpPorts {
  maxUnsentBytes: number
  /** Takes a message out of a session: its client must not get it. */
  drop: (session: string, packet: StoredPacket) => void
}

/** What Aedes asks of what waited in a session while its client was away: may it have that? */
export function forwardOfKept({ maxUnsentBytes, drop }: CatchingUpPorts) {
  return (client: Client, packet: AedesPublishPacket): AedesPublishPacket | null => {
    const inner = client as unknown as InnerClient
    const { session, outbox } = connectionOf(client)
    if (!session) return null
    const stored = packet as unknown as StoredPacket
    const fitted = fitFor(session, inner, stored)
    if (!fitted) {
      drop(inner.id, stored)
      return null
    }
    if (outbox.unsent <= maxUnsentBytes) return fitted === stored ? packet : (fitted as typeof packet)
    inner.conn.destroy(new Error('too slow')) // what it misses waits in its session
    return null
  }
}

/** The packet as a client can take it, if it is still for this session. */
function fitFor(session: Session, client: InnerClient, packet: StoredPacket): StoredPacket | undefined {
  const isPast = packet.messageExpiry !== undefined && packet.messageExpiry <= steady()
  return isPast || !mayReceive(session, packet.topic) ? undefined : fitting(client, packet)
}

/** Calls when what was written to a connection has left, unless it closes before. */
export function whenSent({ client: { conn }, outbox }: Connection, call: () => void): void {
  outbox.flush()
  if (conn.writableNeedDrain) conn.once('drain', call)
  else call()
}
