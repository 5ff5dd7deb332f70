import type { Duplex } from 'node:stream'
import { Outbox } from '../../../shared/outbox.ts'
import type { Session } from '../../seam/session.ts'
import { Acks } from './acks.ts'
import type { HandlerInbox } from './handler-inbox.ts'
import type { From } from '../identity/login.ts'
import type { TopicAliases } from './topic-aliases.ts'

/** What is known of one connection. */
export interface Connection {
  readonly from: From
  readonly outbox: Outbox
  readonly acks: Acks
  /** As its CONNECT says. */
  username?: string | undefined
  clientId?: string | undefined
  properties?: Record<string, string>
  session?: Session
  isRefused?: boolean
  inbox?: HandlerInbox
  /** On MQTT 5, when its client allows some. */
  aliases?: TopicAliases
  /** Ends its session, once: called when the connection is closed, or begins to linger. */
  ended?: () => void
  /** What it has subscribed to. */
  readonly filters: Set<string>
}

const connections = new WeakMap<object, Connection>()

export function connect(client: { conn: Duplex }, from: From): Connection {
  const outbox = new Outbox(client.conn)
  const connection: Connection = { from, outbox, acks: new Acks(outbox), filters: new Set<string>() }
  connections.set(client, connection)
  return connection
}

/** Of a client of Aedes: each has one from the start. */
export function connectionOf(client: object): Connection {
  return connections.get(client)!
}

/** User properties, each with its first value. */
export function firstOfEach(userProperties: object = {}): Record<string, string> {
  const given = Object.entries(userProperties as Record<string, string | string[]>)
  return Object.fromEntries(given.map(([name, value]) => [name, Array.isArray(value) ? (value[0] ?? '') : value]))
}
