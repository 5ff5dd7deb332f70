import type { Subscription } from 'aedes'
import { encodePublish } from '../../../shared/wire/mqtt/publish.ts'
import { encodeUserProperties } from '../../../shared/wire/mqtt/publish-properties.ts'
import { mayReceive } from '../../seam/authority.ts'
import type { Deliver, EventFor } from '../../seam/from-core.ts'
import type { Session } from '../../seam/session.ts'
import { steady } from '../../../shared/steady.ts'
import { connectionOf, type Connection } from './connection.ts'
import type { InnerClient } from './internals.ts'
import { outgoing, type Outgoing } from './outgoing.ts'
import { fitting } from './too-large.ts'
import { publishBytes } from './packet-bytes.ts'

/** Why a client whose unsent bytes exceed `MAX_UNSENT_BYTES` is disconnected. */
export const TOO_SLOW = 'client reads too slowly (MAX_UNSENT_BYTES)'

export interface ForwardPorts {
  /** The open connection with this number. */
  connection: (number: number) => Connection | undefined
  maxUnsentBytes: number
  /** Tells the core that the session need not hold this message: the client must not get it, or gets it at QoS 0. */
  clears: (connection: Connection, message: Pick<Outgoing, 'number'>) => void
  /** The message id for a QoS 1 or 2 message; undefined: too many are unacknowledged, and the connection ends. */
  idFor: (connection: Connection, message: Pick<Outgoing, 'number'>) => number | undefined
}

export type Forward = ReturnType<typeof forwarding>

/** Sends events to connected devices. */
export function forwarding({ connection, maxUnsentBytes, clears, idFor }: ForwardPorts) {
  function send(its: Connection, sub: Subscription, message: Outgoing): void {
    const { client, session, outbox } = its
    if (!session || !client.connackSent) return
    const fit = fitFor(session, client, message)
    if (!fit) return clears(its, message)
    const own: Outgoing = { ...fit, qos: sub.qos === 0 ? 0 : message.qos }
    const { subscriptionIdentifier: id } = sub as { subscriptionIdentifier?: number }
    if (id !== undefined) own.properties = { ...own.properties, subscriptionIdentifier: id }
    if (own.qos === 0) clears(its, message)
    if (outbox.unsent > maxUnsentBytes) {
      if (own.qos > 0) client.conn.destroy(new Error(TOO_SLOW)) // what it misses waits in its session, if it has one
      return
    }
    if (own.qos > 0 && (own.messageId = idFor(its, own)) === undefined) return
    outbox.write(publishBytes(client, own))
  }

  return {
    /** Sends an event to the connections that still subscribe to it. */
    event({ to, number, topic, payload, correlation, answers, expiresAt, kept }: EventFor): void {
      const properties = correlation && { properties: { correlationData: correlation } }
      const expiry = expiresAt !== undefined && { messageExpiry: expiresAt }
      const message = { topic, payload, qos: kept ? 1 : 0, retain: false, ...properties, ...expiry } as const
      const packet = outgoing(number, answers ? { ...message, answers } : message)
      for (const one of to) {
        const its = connection(one)
        if (!its || isOver(its)) continue
        const sub = its.filters.get(topic)
        if (sub) send(its, sub, packet)
        else clears(its, packet)
      }
    },
  }
}

/** Sends a command to one handler process. */
export function deliver(client: InnerClient, { delivery, topic, payload, qos, stamp }: Deliver): void {
  const { inbox, outbox } = connectionOf(client)
  if (!inbox || client.conn.destroyed) return
  if (inbox.isFull) return void client.conn.destroy(new Error('too many deliveries without PUBACK'))
  const messageId = qos === 0 ? 0 : inbox.reserve(delivery)
  const message = { topic, payload, qos, dup: false, retain: false, messageId }
  if (client.version !== 5) return outbox.write(encodePublish(message, 4))
  outbox.write(encodePublish({ ...message, properties: encodeUserProperties(stamp) }, 5))
}

/** The packet in the size that the client accepts; undefined if it has expired or the session may not receive it. */
export function fitFor(session: Session, client: InnerClient, packet: Outgoing): Outgoing | undefined {
  const isPast = packet.messageExpiry !== undefined && packet.messageExpiry <= steady()
  return isPast || !mayReceive(session, packet.topic) ? undefined : fitting(client, packet)
}

/** Has the connection ended, as far as its session is concerned? */
export function isOver({ client }: Connection): boolean {
  return client.closed || client.conn.destroyed
}

/** Calls back once everything written to a connection has left, unless it closes first. */
export function whenSent({ client: { conn }, outbox }: Connection, call: () => void): void {
  outbox.flush()
  if (conn.writableNeedDrain) conn.once('drain', call)
  else call()
}
