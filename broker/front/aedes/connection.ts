import type { Subscription } from 'aedes'
import { Outbox } from '../../../shared/outbox.ts'
import type { Subscription as KeptSubscription } from '../../seam/subscription.ts'
import type { Session } from '../../seam/session.ts'
import type { EndReason } from '../end-reason.ts'
import type { From } from '../identity/login.ts'
import { Acks } from './acks.ts'
import type { HandlerInbox } from './handler-inbox.ts'
import type { InnerClient } from './internals.ts'
import type { TopicAliases } from './topic-aliases.ts'
import { InFlight } from './in-flight.ts'

/** The state of one connection. */
export interface Connection {
  /** The number by which the core knows it. */
  readonly number: number
  readonly client: InnerClient
  readonly from: From
  readonly outbox: Outbox
  readonly acks: Acks
  /** From its CONNECT. */
  username: string | undefined
  clientId: string | undefined
  properties: Record<string, string> | undefined
  session: Session | undefined
  isRefused: boolean | undefined
  inbox: HandlerInbox | undefined
  /** On MQTT 5, if its client allows topic aliases. */
  aliases: TopicAliases | undefined
  /** The subscriptions that its session already had. */
  restored: readonly KeptSubscription[] | undefined
  /** Ids of received QoS 2 messages whose PUBREL has not come [MQTT-4.3.3]. */
  received: Set<number>
  /** Clean start: what its session kept is discarded [MQTT-3.1.2-4]. */
  isClean: boolean | undefined
  /** The will that Aedes publishes for it. */
  will: object | undefined
  /** Called with the core's answer to `login` or `will`, while the connection waits for it. */
  answered: ((err?: Error) => void) | undefined
  /** Its session ends with it, whatever expiry it asked for. */
  endsForGood: boolean | undefined
  /** Why it ends, once that is known. */
  endReason: EndReason | undefined
  /** Reports its end to the core, once: called when the connection closes or begins to linger. */
  ended: (() => void) | undefined
  /** Messages of its session that are in flight, if the session keeps any. */
  inFlight: InFlight | undefined
  /** Its subscriptions, by filter. */
  readonly filters: Map<string, Subscription>
}

const connections = new WeakMap<object, Connection>()
let lastNumber = 0

/** @param grew called when more, or less, waits in its socket than before: by so many bytes */
export function connect(client: InnerClient, from: From, grew: (by: number) => void): Connection {
  const outbox = new Outbox(client.conn, grew)
  const acks = new Acks(client, outbox)
  // All fields from the start, and none is deleted: objects of one shape are smaller and faster.
  const connection: Connection = {
    number: ++lastNumber,
    client,
    from,
    outbox,
    acks,
    filters: new Map(),
    received: new Set(),
    username: undefined,
    clientId: undefined,
    properties: undefined,
    session: undefined,
    isRefused: undefined,
    inbox: undefined,
    aliases: undefined,
    restored: undefined,
    isClean: undefined,
    will: undefined,
    answered: undefined,
    endsForGood: undefined,
    endReason: undefined,
    ended: undefined,
    inFlight: undefined,
  }
  connections.set(client, connection)
  return connection
}

/** The connection of a client of Aedes: each has one from the start. */
export function connectionOf(client: object): Connection {
  return connections.get(client)!
}

/** The messages of a connection's session that are in flight. */
export function inFlightOf(connection: Connection): InFlight {
  return (connection.inFlight ??= new InFlight(connection.client))
}

/** Resolves when the core has answered what `ask` sends. @throws the core's refusal */
export function answerOf(connection: Connection, ask: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.answered = (err) => {
      connection.answered = undefined
      if (err) reject(err)
      else resolve()
    }
    ask()
  })
}

/** User properties, first value of each name. */
export function firstOfEach(userProperties: object = {}): Record<string, string> {
  const given = Object.entries(userProperties as Record<string, string | string[]>)
  return Object.fromEntries(given.map(([name, value]) => [name, Array.isArray(value) ? (value[0] ?? '') : value]))
}
