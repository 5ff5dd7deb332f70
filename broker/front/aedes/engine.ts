import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import type { Client } from 'aedes'
import type { Config } from '../../../shared/config.ts'
import type { FromCore } from '../../seam/from-core.ts'
import type { FromFront } from '../../seam/from-front.ts'
import { MAX_LEVELS } from '../../seam/topic-filter.ts'
import type { Authenticate } from '../identity/authenticate.ts'
import type { From } from '../identity/login.ts'
import type { VerifyToken } from '../identity/token.ts'
import type { Lingering } from '../lingering.ts'
import type { Witness } from '../witness.ts'
import { accepting } from './accepting.ts'
import { admission } from './admission.ts'
import { arrivals } from './arrivals.ts'
import { catchingUp } from './catching-up.ts'
import { connectionOf, inFlightOf, type Connection } from './connection.ts'
import { Core } from './core.ts'
import { lingers } from './farewell.ts'
import { forwarding, type ForwardPorts } from './forward.ts'
import { takesFromCore, type Open } from './from-core.ts'
import type { InnerClient } from './internals.ts'
import { Questions } from './questions.ts'
import { messageSender } from './message-sender.ts'
import { publishing, release } from './publishing.ts'
import { sessionPersistence } from './sessions.ts'
import { SILENT } from './silent-emitter.ts'
import { subscribing } from './subscribing.ts'
import { Unsent } from './unsent.ts'
import { nextIdOf } from './in-flight.ts'
import { keepWill } from './will.ts'

/** Most wills that wait for their delay; beyond, wills are sent at once. */
const MAX_DELAYED_WILLS = 1_000

export interface FrontPorts {
  config: Config
  identify: Authenticate
  /** Verifies a token with which a client wants to continue. */
  verify: VerifyToken
  toCore: (message: FromFront) => void
  witness: Witness
  lingering: Lingering
}

export interface Front {
  /** Takes over a byte stream: a TLS socket, or a WebSocket as a stream. */
  accept(stream: Duplex, from: From): void
  fromCore(message: FromCore): void
  /** Bytes that wait in all sockets, and their bound. */
  unsent(): { used: number; limit: number }
  close(): Promise<void>
}

/** Starts Aedes with our hooks and sessions, and a guard in front of it. */
export async function openEngine({ config, identify, verify, toCore, witness, lingering }: FrontPorts): Promise<Front> {
  /** By number, the open connections. */
  const connections = new Map<number, Open>()
  /** By session id, the connections that are admitted and do not own their session yet. */
  const coming = new Map<string, Connection>()
  const { MAX_KEEPALIVE: maxKeepalive, IDEMPOTENCY_WINDOW: idempotencyWindow } = config
  const hooks = admission({ identify, toCore, coming, witness, maxKeepalive, idempotencyWindow })
  const { preConnect, authenticate, refused } = hooks

  const questions = new Questions(toCore)
  const sessions = openSessions(questions, coming, toCore)
  const delivery = deliveryPorts(connections, config.MAX_UNSENT_BYTES, toCore)
  const forward = forwarding(delivery)
  const sender = messageSender(delivery)
  const catchUp = catchingUp({ sender, toCore })

  const unsent = new Unsent(config.MAX_ALL_UNSENT_BYTES, function* () {
    for (const { connection } of connections.values()) yield connection
  })

  const maxSubscriptions = config.SUBSCRIPTIONS_PER_SESSION
  const subscriptions = subscribing({ maxSubscriptions, toCore, witness })

  const fromCore = takesFromCore({ connections, questions, forward, sender, catchUp, verify, core: () => core, toCore })
  const gone = witness.gone
  const arrival = arrivals({ maxOutlives: config.SESSION_TTL, coming, toCore, gone })

  const core: Core = new Core({
    ...limitsOf(config),
    mq: SILENT,
    persistence: sessions,
    preConnect,
    authenticate,
    authorizePublish: publishing({
      maxHalfOpen: config.HALF_OPEN_PER_SESSION,
      toCore,
      published: ({ number: connection }, number) =>
        fromCore({ kind: 'published', connection, number, failure: undefined }),
      witness,
    }),
    authorizeSubscribe: (client, sub, done) => subscriptions.authorizeSubscribe(client, sub, done),
  })
  core.willWaits = (client) => toCore({ kind: 'will_waits', connection: connectionOf(client).number })
  core.failed = (err) => witness.fault(undefined, err)
  reportFaults(core, witness, refused)
  handleConnack(core, lingering)
  core.on('keepaliveTimeout', (client) => {
    const connection = connectionOf(client)
    connection.endReason ??= 'silent'
    toCore({ kind: 'fell_silent', connection: connection.number })
  })
  core.on('subscribe', (subs, client) => subscriptions.subscribed(subs, client))
  await core.listen()
  core.registered = (client) => arrival.registered(client)

  return {
    accept: accepting({
      config,
      core,
      connections,
      toCore,
      unsentGrew: unsent.grew,
      acknowledged: (client, messageId, reasonCode) => sessions.acknowledged(client, messageId, reasonCode),
      unsubscribed: (client, filters) => subscriptions.unsubscribed(client, filters),
      closed: (connection) => arrival.closed(connection),
      witness,
      lingering,
    }),
    fromCore,
    unsent: () => unsent.size(),
    close: async () => {
      unsent.close()
      await promisify((done: (err?: Error) => void) => core.close(() => done()))()
      await lingering.close()
    },
  }
}

/** Aedes' own limits. */
function limitsOf(config: Config) {
  return {
    connectTimeout: config.CONNECT_TIMEOUT,
    drainTimeout: 5_000,
    keepaliveLimit: config.MAX_KEEPALIVE,
    maximumPacketSize: config.MAX_PACKET_BYTES,
    receiveMaximum: config.HALF_OPEN_PER_SESSION, // announced in CONNACK; enforced by `authorizePublish`
    maxTopicLevels: MAX_LEVELS,
    pendingSessionsLimit: MAX_DELAYED_WILLS, // the core expires sessions, so this bounds wills alone
    sessionExpiryIntervalLimit: Math.ceil(config.SESSION_TTL / 1000),
  }
}

/** The core's sessions in the form of Aedes' persistence. */
function openSessions(questions: Questions, coming: Map<string, Connection>, toCore: FrontPorts['toCore']) {
  return sessionPersistence({
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
}

/** What sending to clients needs: their connections, message ids, and a way to clear what need not be held. */
function deliveryPorts(
  connections: ReadonlyMap<number, Open>,
  maxUnsentBytes: number,
  toCore: FrontPorts['toCore'],
): ForwardPorts {
  return {
    connection: (number) => connections.get(number)?.connection,
    maxUnsentBytes,
    clears({ number: connection }, { number }) {
      if (number !== undefined) toCore({ kind: 'cleared', connection, number })
    },
    idFor(connection, { number }) {
      const { client, inbox } = connection
      if (client.clean) return inbox?.reserve() ?? nextIdOf(client)
      const id = inFlightOf(connection).idFor(number)
      if (id === undefined) client.conn.destroy(new Error('too many messages without acknowledgement'))
      return id
    },
  }
}

/** Logs faults of connections, and refuses those that have not logged in. */
function reportFaults(core: Core, witness: Witness, refused: (client: InnerClient, reason: string) => void): void {
  for (const fault of ['clientError', 'connectionError'] as const) {
    core.on(fault, (client: Client, err: Error) => {
      const connection = connectionOf(client)
      const { session, isRefused } = connection
      if (session) {
        connection.endReason ??= isLoss(err) ? 'lost' : 'fault'
        witness.fault(session, err)
      } else if (!isRefused) refused(client as unknown as InnerClient, err.message)
    })
  }
}

/** Did the socket fail, and not what came through it? */
function isLoss(err: Error & { code?: unknown }): boolean {
  return typeof err.code === 'string'
}

/**
 * Starts a session, or ends a refused connection, once CONNACK is sent. Packets in one chunk with CONNECT wait for this: Aedes itself
 * would handle them after the session's whole queue and after later packets. If they were handled in the same turn as CONNACK, Aedes would lose
 * count of the packets still to be handled.
 */
function handleConnack(core: Core, lingering: Lingering): void {
  core.on('connackSent', (connack, client) => {
    const { reasonCode, returnCode } = connack as { reasonCode?: number; returnCode?: number }
    if ((reasonCode ?? returnCode) === 0) queueMicrotask(() => client.emit('connected'))
    else lingers(client as unknown as InnerClient, lingering)
  })
}
