import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import type { AedesPublishPacket, Client } from 'aedes'
import type { Config } from '../../../shared/config.ts'
import { steady } from '../../../shared/steady.ts'
import { mayReceive } from '../../seam/authority.ts'
import type { KeptSessions } from '../../seam/kept-sessions.ts'
import type { FromCore, FromFront } from '../../seam/messages.ts'
import { MESSAGE_RATE_TOO_HIGH } from '../../seam/port.ts'
import { Denied } from '../../seam/session.ts'
import { tooLarge } from '../../seam/too-large.ts'
import { MAX_LEVELS } from '../../seam/topic-filter.ts'
import type { Authenticate } from '../identity/authenticate.ts'
import type { From } from '../identity/login.ts'
import type { Lingering } from '../lingering.ts'
import type { Witness } from '../witness.ts'
import { admission } from './admission.ts'
import { connect, connectionOf, type Connection } from './connection.ts'
import { Core } from './core.ts'
import { lingers, saysGoodbye } from './farewell.ts'
import { FastPath } from './fast-path.ts'
import { deliver, forwarding, whenSent } from './forward.ts'
import { CONNECT_ROOM, guardPackets } from './guard.ts'
import type { InnerClient, StoredPacket } from './internals.ts'
import { Questions } from './questions.ts'
import { relaying } from './relaying.ts'
import { publishing, release } from './publishing.ts'
import { sessionPersistence } from './sessions.ts'
import { SILENT } from './silent-emitter.ts'
import { subscribing } from './subscribing.ts'
import { fitting } from './too-large.ts'
import { keepWill } from './will.ts'

/** Wills that wait for their delay; beyond, they are sent at once. */
const MAX_DELAYED_WILLS = 1_000

export interface FrontPorts {
  config: Config
  sessions: KeptSessions
  identify: Authenticate
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
export async function openEngine({
  config,
  sessions: store,
  identify,
  toCore,
  witness,
  lingering,
}: FrontPorts): Promise<Front> {
  /** By the session that each has. */
  const clients = new Map<string, InnerClient>()
  /** By their numbers, those that are open. */
  const connections = new Map<number, { connection: Connection; fastPath: FastPath }>()
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
  const sessions = sessionPersistence(store, {
    putWill: (client, will) => keepWill(client, will, toCore),
    fitting: fit,
    send: (client, packet) => relays.sendAgain(client, packet),
    ask: (what) => questions.ask(what),
    restored: (id) => (coming.get(id)?.restored ?? []).map((sub) => ({ ...sub })),
    released: (client, messageId) => release(connectionOf(client), messageId, toCore),
    acknowledged: (id, messageId, reasonCode) => {
      const client = clients.get(id)
      if (!client) return
      const { number: connection, inbox } = connectionOf(client)
      const delivery = inbox?.acknowledged(messageId)
      if (delivery !== undefined) toCore({ kind: 'acknowledged', connection, delivery, reasonCode })
    },
  })
  function nextId(client: InnerClient): number {
    return connectionOf(client).inbox?.reserve() ?? nextIdOf(client)
  }

  /** Gives a packet of QoS 1 or 2 its message id, and notes it. False when it has to wait for those before it. */
  function sends(client: InnerClient, packet: StoredPacket): boolean {
    if (client.clean) packet.messageId = nextId(client)
    else if (sessions.holdsBack(client, packet)) return false
    else {
      packet.messageId = nextIdOf(client)
      void sessions.outgoingUpdate(client, packet)
    }
    return true
  }

  const delivery = {
    connection: (number: number) => connections.get(number)?.connection,
    maxUnsentBytes: config.MAX_UNSENT_BYTES,
    drop: (id: string, packet: StoredPacket) => sessions.drop(id, packet),
    fitting: fit,
    sends,
  }
  const forward = forwarding(delivery)
  const relays = relaying({ ...delivery, nextId })

  const subscriptions = subscribing({
    mostSubscriptions: config.SUBSCRIPTIONS_PER_SESSION,
    toCore,
    witness,
  })

  const core = new Core({
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
    authorizeForward,
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

  core.registered = (client) => {
    const connection = connectionOf(client)
    const { number, will } = connection
    const session = connection.session!
    clients.set(client.id, client)
    noMoreComing(connection)
    connection.from.loggedIn?.(session.kind)
    const { receiveMaximum: window, maximumPacketSize: largest = Infinity } = client
    const { isClean = false } = connection
    const keeping = { isClean, keeps: !client.clean, outlives: outlives(client) }
    toCore({ kind: 'came', connection: number, session, ...keeping, window, largest })
    let isOver = false
    const ended = (): void => {
      if (isOver) return
      isOver = true
      const { endsForGood = false } = connection
      if (will && (client._disconnected || endsForGood)) toCore({ kind: 'will_over', connection: number })
      if (clients.get(client.id) === client) clients.delete(client.id)
      toCore({ kind: 'went', connection: number, outlives: endsForGood ? 0 : outlives(client) })
    }
    connection.ended = ended
    client.conn.once('close', ended)
  }

  /** It has come, or never will. */
  function noMoreComing(connection: Connection): void {
    delete connection.restored
    const id = connection.session?.id
    if (id !== undefined && coming.get(id) === connection) coming.delete(id)
  }

  /** Milliseconds for which a client's session outlives its connection. */
  function outlives({ sessionExpiryInterval }: InnerClient): number {
    return Math.min(sessionExpiryInterval * 1000, config.SESSION_TTL)
  }

  /** The packet as a client can take it, if at all. */
  function fit(client: InnerClient, packet: StoredPacket): StoredPacket | undefined {
    return fitting(client, packet, instead)
  }

  /** What a client is sent instead of an answer that it cannot take, where it hears that. */
  function instead(client: InnerClient, { answers, ...packet }: StoredPacket): StoredPacket | undefined {
    const { session } = connectionOf(client)
    if (!answers || session?.kind !== 'device') return undefined
    const told = { ...packet, ...tooLarge(session.user, packet.topic, answers) }
    return client.subscriptions[told.topic] && mayReceive(session, told.topic) ? told : undefined
  }

  /** Asked of what waited in a session while its client was away: may it have that? */
  function authorizeForward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    const inner = client as unknown as InnerClient
    const { session, outbox } = connectionOf(client)
    if (!session) return null
    const stored = packet as unknown as StoredPacket
    const isPast = stored.messageExpiry !== undefined && stored.messageExpiry <= steady()
    const fitted = isPast || !mayReceive(session, packet.topic) ? undefined : fit(inner, stored)
    if (!fitted) {
      sessions.drop(inner.id, stored)
      return null
    }
    if (outbox.unsent <= config.MAX_UNSENT_BYTES) return fitted === stored ? packet : (fitted as typeof packet)
    inner.conn.destroy(new Error('too slow')) // what it misses waits in its session
    return null
  }

  /** What a connection waits for; it may have closed meanwhile. */
  function answered({ number, client, answered: answer }: Connection, err?: Error): void {
    answer?.(err)
    if (client.conn.destroyed) connections.delete(number)
  }

  function fromCore(message: FromCore): void {
    if (message.kind === 'dropped') return core.clearDelayedWill(message.session)
    if (message.kind === 'subscriptions_kept') return questions.answered(message)
    if (message.kind === 'event') return forward.event(message)
    if (message.kind === 'relayed') return relays.relayed(message)
    const known = connections.get(message.connection)
    if (!known) return // it has gone meanwhile
    const { connection, fastPath } = known
    switch (message.kind) {
      case 'published':
        return fastPath.published(message.number, message.failure)
      case 'deliver':
        return deliver(connection.client, message)
      case 'resumes':
        connection.received = new Set(message.received)
        return
      case 'wants_room':
        return whenSent(connection, () => toCore({ kind: 'has_room', connection: connection.number }))
      case 'admitted':
        connection.restored = message.subscriptions
        return answered(connection)
      case 'denied':
        return answered(connection, new Denied(message.reason, message.as, message.user))
      case 'will_kept':
        return answered(connection, message.failed ? new Error('its will cannot be stored') : undefined)
      case 'renewed': {
        const { session } = connection
        if (session?.kind !== 'device') return
        connection.session = { ...session, token: message.token }
        return
      }
      case 'end':
        if (message.forGood) connection.endsForGood = true
        return connection.client.disconnect({ reasonCode: message.reasonCode })
    }
  }

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
        if (connection.session && !connection.ended)
          toCore({ kind: 'went', connection: connection.number, outlives: 0 })
        if (!connection.answered) connections.delete(connection.number)
        noMoreComing(connection)
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

function nextIdOf(client: InnerClient): number {
  const id = client._nextId
  client._nextId = (id % 65_535) + 1
  return id
}
