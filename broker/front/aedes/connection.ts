import type { Subscription } from 'aedes'
import { Outbox } from '../../../shared/outbox.ts'
import type { Subscription as Kept } from '../../seam/subscription.ts'
import type { Session } from '../../seam/session.ts'
import type { From } from '../identity/login.ts'
import { Acks } from './acks.ts'
import type { HandlerInbox } from './handler-inbox.ts'
import type { InnerClient } from './internals.ts'
import type { TopicAliases } from './topic-aliases.ts'
import { UnderWay } from './under-way.ts'

/** What is known of one connection. */
export interface Connection {
  /** By which the core knows it. */
  readonly number: number
  readonly client: InnerClient
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
  /** What its session is subscribed to from before. */
  restored?: readonly Kept[]
  /** QoS 2 ids whose PUBREL has not come [MQTT-4.3.3]. */
  received: Set<number>
  /** What its session kept is gone [MQTT-3.1.2-4]. */
  isClean?: boolean
  /** What Aedes will publish for it. */
  will?: object
  /** The core has said what the connection waits for: that it is let in, that its will is kept. */
  answered?: (err?: Error) => void
  /** Its session ends with it, whatever it has asked for. */
  endsForGood?: boolean
  /** Ends its session, once: called when the connection is closed, or begins to linger. */
  ended?: () => void
  /** What it has sent of what its session keeps, if that keeps anything. */
  underWay?: UnderWay
  /** What it has subscribed to. */
  readonly filters: Map<string, Subscription>
}

const connections = new WeakMap<object, Connection>()
let lastNumber = 0

export function connect(client: InnerClient, from: From): Connection {
  const outbox = new Outbox(client.conn)
  const acks = new Acks(client, outbox)
  const connection: Connection = {
    number: ++lastNumber,
    client,
    from,
    outbox,
    acks,
    filters: new Map(),
    received: new Set(),
  }
  connections.set(client, connection)
  return connection
}

/** Of a client of Aedes: each has one from the start. */
export function connectionOf(client: object): Connection {
  return connections.get(client)!
}

/** What a connection has sent of what its session keeps. */
export function underWayOf(connection: Connection): UnderWay {
  return (connection.underWay ??= new UnderWay(connection.client))
}

/** Resolves when the core has answered what `ask` says to it. @throws what it has refused with */
export function answerOf(connection: Connection, ask: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.answered = (err) => {
      delete connection.answered
      if (err) reject(err)
      else resolve()
    }
    ask()
  })
}

/** User properties, each with its first value. */
export function firstOfEach(userProperties: object = {}): Record<string, string> {
  const given = Object.entries(userProperties as Record<string, string | string[]>)
  return Object.fromEntries(given.map(([name, value]) => [name, Array.isArray(value) ? (value[0] ?? '') : value]))
}
