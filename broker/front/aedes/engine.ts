import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import type { Client } from 'aedes'
import type { Config } from '../../../shared/config.ts'
import type { FromCore, FromFront } from '../../seam/messages.ts'
import { MESSAGE_RATE_TOO_HIGH } from '../../seam/reasons.ts'
import { MAX_LEVELS } from '../../seam/topic-filter.ts'
import type { Authenticate } from '../identity/authenticate.ts'
import type { From } from '../identity/login.ts'
import type { VerifyToken } from '../identity/token.ts'
import type { Lingering } from '../lingering.ts'
import type { Witness } from '../witness.ts'
import { admission } from './admission.ts'
import { arrivals } from './arrivals.ts'
import { catchingUp } from './catching-up.ts'
import { connect, connectionOf, underWayOf, type Connection } from './connection.ts'
import { Core } from './core.ts'
import { lingers, saysGoodbye } from './farewell.ts'
import { FastPath } from './fast-path.ts'
import { forwarding, type ForwardPorts } from './forward.ts'
import { takesFromCore, type Open } from './from-core.ts'
import { CONNECT_ROOM, guardPackets } from './guard.ts'
import type { InnerClient } from './internals.ts'
import { Questions } from './questions.ts'
import { relaying } from './relaying.ts'
import { publishing, release } from './publishing.ts'
import { sessionPersistence } from './sessions.ts'
import { SILENT } from './silent-emitter.ts'
import { subscribing } from './subscribing.ts'
import { nextIdOf } from './under-way.ts'
import { keepWill } from './will.ts'

/** Wills that wait for their delay; beyond, they are sent at once. */
const MAX_DELAYED_WILLS = 1_000

export interface FrontPorts {
  config: Config
  identify: Authenticate
  /** Tells whether to believe a token that a client wants to go on with. */
  verify: VerifyToken
  toCore: (message: FromFront) => void
  witness: Witness
  lingering: Lingering
}

export interface Front {
  /** Takes over a byte stream: a TLS socket, or a WebSocket as a stream. */
  accept(stream: Duplex, from: From): void
  fromCore(message: FromCore): void
  close(): Promise<void>
}

/** Starts Aedes behind our port: its hooks, our sessions, and a guard for each of its traps. */
export async function openEngine({ config, identify, verify, toCore, witness, lingering }: FrontPorts): Promise<Front> {
  /** By their numbers, those that are open. */
  const connections = new Map<number, Open>()
  /** Those that are let in, by the session that each is to have. */
  const coming = new Map<string, Connection>()
  const { preConnect, authenticate, refused } = admission({
    identify,
    toCore,
    coming,
    witness,
    maxKeepalive: config.MAX_KEEPALIVE,
  })

  const questions = new Questions(toCore)
  const sessions = sessionPersistence({
    toCore,
    putWill: (client, will) => keepWill(client, will, toCore),
    ask: (what) => questions.ask(what),
    restored: (id) => (coming.get(id)?.restored ?? []).map((sub) => ({ ...sub })),
    released: (client, messageId) => release(connectionOf(client), messageId, toCore),
    acknowledged: (client, messageId, reasonCode) => {
      const { number: connection, inbox } = connectionOf(client)
      const delivery = inbox?.acknowledged(messageId)
      if (delivery !== undefined) toCore({ kind: 'acknowledged', connection, delivery, reasonCode })
    },
  })
  const delivery: ForwardPorts = {
    connection: (number) => connections.get(number)?.connection,
    maxUnsentBytes: config.MAX_UNSENT_BYTES,
    clears({ number: connection }, { number }) {
      if (number !== undefined) toCore({ kind: 'cleared', connection, number })
    },
    idFor(connection, { number }) {
      const { client, inbox } = connection
      if (client.clean) return inbox?.reserve() ?? nextIdOf(client)
      const id = underWayOf(connection).idFor(number)
      if (id === undefined) client.conn.destroy(new Error('a client that acknowledges nothing'))
      return id
    },
  }
  const forward = forwarding(delivery)
  const relays = relaying(delivery)
  const catchUp = catchingUp({ relays, toCore })

  const subscriptions = subscribing({
    mostSubscriptions: config.SUBSCRIPTIONS_PER_SESSION,
    toCore,
    witness,
  })

  const fromCore = takesFromCore({ connections, questions, forward, relays, catchUp, verify, core: () => core, toCore })
  const comings = arrivals({ maxOutlives: config.SESSION_TTL, coming, toCore })

  const core: Core = new Core({
    mq: SILENT,
    persistence: sessions,
    connectTimeout: config.CONNECT_TIMEOUT,
    drainTimeout: 5_000,
    keepaliveLimit: config.MAX_KEEPALIVE,
    maximumPacketSize: config.MAX_PACKET_BYTES,
    receiveMaximum: config.HALF_OPEN_PER_SESSION, // told in CONNACK; kept by `authorizePublish`
    maxTopicLevels: MAX_LEVELS,
    pendingSessionsLimit: MAX_DELAYED_WILLS, // our sessions keep their own time, so this bounds the wills alone
    sessionExpiryIntervalLimit: Math.ceil(config.SESSION_TTL / 1000),
    preConnect,
    authenticate,
    authorizePublish: publishing({
      mostHalfOpen: config.HALF_OPEN_PER_SESSION,
      toCore,
      published: ({ number: connection }, number) =>
        fromCore({ kind: 'published', connection, number, failure: undefined }),
      witness,
    }),
    authorizeSubscribe: (client, sub, done) => subscriptions.authorizeSubscribe(client, sub, done),
  })
  core.willWaits = (client) => toCore({ kind: 'will_waits', connection: connectionOf(client).number })
  core.failed = (err) => witness.fault(undefined, err)
  for (const fault of ['clientError', 'connectionError'] as const) {
    core.on(fault, (client: Client, err: Error) => {
      const { session, isRefused } = connectionOf(client)
      if (session) witness.fault(session, err)
      else if (!isRefused) refused(client as unknown as InnerClient, err.message)
    })
  }
  // What came in one chunk with CONNECT waits for this: by itself Aedes handles it after the session's whole queue has gone out,
  // and after what comes later. In the same turn it would lose count of what it has still to handle.
  core.on('connackSent', (connack, client) => {
    const { reasonCode, returnCode } = connack as { reasonCode?: number; returnCode?: number }
    if ((reasonCode ?? returnCode) === 0) queueMicrotask(() => client.emit('connected'))
    else lingers(client as unknown as InnerClient, lingering)
  })
  core.on('keepaliveTimeout', (client) => toCore({ kind: 'fell_silent', connection: connectionOf(client).number }))
  core.on('subscribe', (subs, client) => subscriptions.subscribed(subs, client))
  await core.listen()

  core.registered = (client) => comings.came(client)

  return {
    accept(stream, from) {
      const client = core.handle(stream) as unknown as InnerClient
      const connection = connect(client, from)
      saysGoodbye(client, lingering)
      const fastPath = new FastPath(client, connection, {
        publish: toCore,
        acknowledged: (inner, messageId, reasonCode) => sessions.acknowledged(inner, messageId, reasonCode),
      })
      connections.set(connection.number, { connection, fastPath })
      stream.once('close', () => {
        if (!connection.answered) connections.delete(connection.number)
        comings.closed(connection)
      })
      guardPackets(client, {
        fastPath,
        unsubscribed: (filters) => subscriptions.unsubscribed(client, filters),
        most: () => (connection.inbox ? Infinity : config.PACKETS_PER_CONNECTION),
        flooded() {
          toCore({ kind: 'flooded', connection: connection.number })
          client.disconnect({ reasonCode: MESSAGE_RATE_TOO_HIGH })
        },
        parsed: (kind) => witness.parsed(kind),
        refused: () => lingers(client, lingering),
        maxFirst: config.MAX_TOKEN_BYTES + CONNECT_ROOM,
        maxPacket: config.MAX_PACKET_BYTES,
      })
    },
    fromCore,
    close: async () => {
      await promisify((done: (err?: Error) => void) => core.close(() => done()))()
      await lingering.close()
    },
  }
}
