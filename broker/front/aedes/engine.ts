import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import type { AedesPublishPacket, Client, PublishPacket, Subscription } from 'aedes'
import type { Config } from '../../../shared/config.ts'
import { Refusal } from '../../../shared/wire/refusal.ts'
import { sessionOwner, type HandlerSession, type Session } from '../../seam/session.ts'
import { mayReceive, maySubscribe } from '../../seam/authority.ts'
import { tooLarge } from '../../seam/too-large.ts'
import type { Authenticate } from '../identity/authenticate.ts'
import type { From } from '../identity/login.ts'
import type { Lingering } from '../lingering.ts'
import type { Storage } from '../../storage/storage.ts'
import { answerInOrder } from './acknowledge.ts'
import { admission } from './admission.ts'
import { Audience } from './audience.ts'
import { Core } from './core.ts'
import { connect, connectionOf, firstOfEach } from './connection.ts'
import { lingers, saysGoodbye } from './farewell.ts'
import { FastPath } from './fast-path.ts'
import { deliver, forwarding } from './forward.ts'
import { CONNECT_ROOM, guardPackets, INERT, isTopicName, SINK } from './guard.ts'
import { incomingOf } from './incoming.ts'
import type { InnerClient, StoredPacket } from './internals.ts'
import { openTopics } from './open-topics.ts'
import {
  MESSAGE_RATE_TOO_HIGH,
  RECEIVE_MAXIMUM_EXCEEDED,
  type Delivery,
  type Hooks,
  type MqttEngine,
} from '../../seam/port.ts'
import { steady } from '../../../shared/steady.ts'
import { MAX_LEVELS } from '../../seam/topic-filter.ts'
import { OPEN, openSessionStore } from './session-store.ts'
import { fitting } from './too-large.ts'
import { sessionPersistence } from './sessions.ts'
import { sharedFilter, sharedOrOwn } from './shared-filter.ts'
import { SILENT } from './silent-emitter.ts'
import { delayOf, openWills } from './wills.ts'

/** Wills that wait for their delay; beyond, they are sent at once. */
const MAX_DELAYED_WILLS = 1_000

export interface Front extends MqttEngine {
  /** Takes over a byte stream: a TLS socket, or a WebSocket as a stream. */
  accept(stream: Duplex, from: From): void
}

/** Starts Aedes behind our port: its hooks, our sessions, and a guard for each of its traps. */
export async function openEngine(
  config: Config,
  storage: Storage,
  hooks: Hooks,
  authenticateLogin: Authenticate,
  lingering: Lingering,
): Promise<Front> {
  const clients = new Map<string, { client: InnerClient; session: Session }>()
  const clientOf = new WeakMap<Session, InnerClient>()
  const audience = new Audience()
  const { preConnect, authenticate, refused } = admission(hooks, authenticateLogin, config.MAX_KEEPALIVE)

  const store = openSessionStore(storage, {
    maxWaiting: config.MAX_OFFLINE_EVENTS,
    maxWaitingBytes: config.MAX_OFFLINE_BYTES,
  })
  const wills = openWills({
    storage,
    most: MAX_DELAYED_WILLS,
    publish: async (session, message) => hooks.publish(session, message),
    fault: (session, err) => hooks.fault(session, err),
  })
  const sessions = sessionPersistence(store, {
    async putWill(client, will) {
      const { session } = connectionOf(client)
      if (session?.kind !== 'device') return
      await wills.keep(
        session,
        will,
        incomingOf(will, client, firstOfEach(will.properties?.userProperties)),
        delayOf(will, client.sessionExpiryInterval),
      )
    },
    cancelWill: (id) => wills.cancel(id),
    fitting: fit,
    send: (client, packet) => open.sendAgain(client, packet),
    mayKeep: (id, filter) => {
      const session = clients.get(id)?.session
      const asked = filter.startsWith(OPEN) ? sharedOrOwn(filter.slice(OPEN.length)) : filter
      return session !== undefined && mayReceive(session, asked)
    },
    maxSubscriptions: config.SUBSCRIPTIONS_PER_SESSION,
    acknowledged: (id, messageId, reasonCode) => {
      const entry = clients.get(id)
      if (entry?.session.kind !== 'handler') return
      const delivery = connectionOf(entry.client).inbox?.acknowledged(messageId)
      if (delivery) hooks.acknowledged(entry.session, delivery, reasonCode)
    },
  })
  const open = openTopics({
    storage,
    store,
    retained: {
      maxRetained: config.MAX_RETAINED,
      maxRetainedBytes: config.MAX_RETAINED_BYTES,
      perUser: config.RETAINED_PER_USER,
      bytesPerUser: config.RETAINED_BYTES_PER_USER,
    },
    maxUnsentBytes: config.MAX_UNSENT_BYTES,
    fault: (err) => hooks.fault(undefined, err),
    clientOf: (id) => clients.get(id)?.client,
    mayReceive: (id, topic) => {
      const session = clients.get(id)?.session
      return session !== undefined && mayReceive(session, topic)
    },
    fitting: fit,
    sends,
    nextId,
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

  const forward = forwarding({
    audience,
    maxUnsentBytes: config.MAX_UNSENT_BYTES,
    mayReceive,
    drop: (id, packet) => sessions.drop(id, packet),
    fitting: fit,
    sends,
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
    authorizePublish,
    authorizeSubscribe,
    authorizeForward,
  })
  core.willWaits = (client, will) => {
    const { session } = connectionOf(client)
    if (session?.kind === 'device') wills.waits(session, will)
  }
  core.failed = (err) => hooks.fault(undefined, err)
  for (const fault of ['clientError', 'connectionError'] as const) {
    core.on(fault, (client: Client, err: Error) => {
      const { session, isRefused } = connectionOf(client)
      if (session) hooks.fault(session, err)
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
  core.on('keepaliveTimeout', (client) => {
    const { session } = connectionOf(client)
    if (session) hooks.fellSilent(session)
  })
  /** It takes effect at once: a SUBSCRIBE right behind it must hold. */
  function unsubscribed(client: InnerClient, filters: readonly string[]): void {
    const { session, filters: own } = connectionOf(client)
    for (const filter of filters) {
      own.delete(filter)
      audience.remove(client, filter)
      if (filter.startsWith(OPEN)) store.leaves(client.id, filter)
      else if (session?.kind === 'handler') hooks.unconsume(session, filter)
    }
  }
  core.on('subscribe', (subs, client) => {
    for (const sub of subs) {
      if (!sub.topic.startsWith(OPEN) || sub.qos > 2 || !wantsRetained(sub)) continue
      if (sharedFilter(sub.topic.slice(OPEN.length))) continue // its group gets none
      open.welcome(client.id, sub).catch((err: Error) => hooks.fault(connectionOf(client).session, err))
    }
  })
  await core.listen()

  /** Sessions that end with their connection, whatever they have asked for. */
  const endedForGood = new WeakSet<Session>()

  core.registered = (client) => {
    const session = connectionOf(client).session!
    clients.set(client.id, { client, session })
    clientOf.set(session, client)
    if (!client.clean) store.began(client.id, outlives(client), jtiOf(session))
    connectionOf(client).from.loggedIn?.(session.kind)
    hooks.connected(session, client.receiveMaximum)
    const { will } = client
    let isOver = false
    const ended = (): void => {
      if (isOver) return
      isOver = true
      for (const filter of connectionOf(client).filters) audience.remove(client, filter)
      if (will && (client._disconnected || endedForGood.has(session))) wills.done(client.id, will)
      if (clients.get(client.id)?.client === client) {
        clients.delete(client.id)
        store.ended(client.id, endedForGood.has(session) ? 0 : outlives(client))
      }
      hooks.gone(session)
    }
    connectionOf(client).ended = ended
    client.conn.once('close', ended)
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

  function authorizePublish(client: Client | null, packet: PublishPacket, done: (err?: Error | null) => void): void {
    const inner = client as unknown as InnerClient
    const session = client ? connectionOf(client).session : undefined
    if (!session) return done(new Error('a publish of nobody'))
    if (!isTopicName(packet.topic)) return done(new Error('the topic is no topic name'))
    const again = packet.qos === 2 && sessions.isIncoming(inner.id, packet.messageId ?? 0) // [MQTT-4.3.3-10]
    if (packet.qos === 2 && !again && sessions.halfOpen(inner.id) >= config.HALF_OPEN_PER_SESSION) {
      hooks.fault(session, new Error('too many QoS 2 messages without PUBREL'))
      inner.disconnect({ reasonCode: RECEIVE_MAXIMUM_EXCEEDED })
      packet.qos = 0
      packet.topic = SINK
      return done(null)
    }
    const message = incomingOf(packet, inner, firstOfEach(packet.properties?.userProperties))
    packet.topic = SINK
    packet.retain = false
    delete packet.properties
    const take = async (): Promise<void> => {
      try {
        await hooks.publish(session, message)
        wills.done(inner.id, packet)
      } catch (err) {
        if (err instanceof Refusal) {
          wills.done(inner.id, packet)
          throw err
        }
        hooks.fault(session, err as Error)
        throw new Error('internal', { cause: err }) // on MQTT 5 its text reaches the client
      }
    }
    const takeOnce = async (): Promise<void> => {
      store.notes(inner.id, packet.messageId!)
      try {
        await take()
      } catch (err) {
        store.released(inner.id, packet.messageId!)
        throw err
      }
    }
    const isNoted = packet.qos === 2 && packet.messageId !== undefined // a will has no id
    answerInOrder(inner, packet, again ? undefined : isNoted ? takeOnce : take, done)
  }

  function authorizeSubscribe(
    client: Client,
    sub: Subscription,
    done: (err: Error | null, sub?: Subscription | null) => void,
  ): void {
    const { session, filters } = connectionOf(client)
    const isNew = !filters.has(sub.topic)
    const isOver = isNew && filters.size >= config.SUBSCRIPTIONS_PER_SESSION
    const filter = sub.topic.startsWith(OPEN) ? sharedOrOwn(sub.topic.slice(OPEN.length)) : sub.topic
    const verdict = session && !isOver ? maySubscribe(session, filter) : 'deny'
    if (isOver) hooks.fault(session, new Error('too many subscriptions'))
    else if (session && verdict === 'deny') hooks.refusedSubscription(session, filter)
    if (verdict === 'deny') return done(null, null)
    if (verdict === 'consume' && session?.kind === 'handler') hooks.consume(session, filter, sub.qos === 0 ? 0 : 1)
    filters.add(sub.topic)
    if (verdict === 'open') {
      if (isNew) fresh.add(sub)
      // Until it has acknowledged them, its group's messages are in its session, however short that lasts.
      if (sub.qos > 0 && sharedFilter(sub.topic.slice(OPEN.length))) (client as unknown as InnerClient).clean = false
      store.subscribe(client.id, store.open(client.id), sub)
    } else if (verdict === 'receive') audience.add(client as unknown as InnerClient, sub)
    done(null, verdict === 'consume' ? { ...sub, topic: INERT + sub.topic } : sub)
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

  return {
    accept(stream, from) {
      const client = core.handle(stream) as unknown as InnerClient
      const connection = connect(client, from)
      saysGoodbye(client, lingering)
      const fastPath = new FastPath(client, connection, {
        publish: (session, message) => hooks.publish(session, message),
        acknowledged: (inner, messageId, reasonCode) => sessions.acknowledged(inner, messageId, reasonCode),
        fault: (session, err) => hooks.fault(session, err),
      })
      guardPackets(client, {
        fastPath,
        unsubscribed: (filters) => unsubscribed(client, filters),
        most: () => (connection.inbox ? Infinity : config.PACKETS_PER_CONNECTION),
        flooded() {
          hooks.flooded(connection.session)
          client.disconnect({ reasonCode: MESSAGE_RATE_TOO_HIGH })
        },
        parsed: (kind) => hooks.parsed(kind),
        refused: () => lingers(client, lingering),
        maxFirst: config.MAX_TOKEN_BYTES + CONNECT_ROOM,
        maxPacket: config.MAX_PACKET_BYTES,
      })
    },
    isHeard: (topic) => audience.has(topic) || sessions.hasSubscriber(topic),
    event(unit, { topic, payload, correlation, onlyTo, answers, expiresAt, kept = true }) {
      const properties = correlation && { correlationData: correlation }
      const expiry = expiresAt !== undefined && { messageExpiry: expiresAt }
      const event = { topic, payload, ...(properties && { properties }), ...expiry, ...(answers && { answers }) }
      const packet = kept ? store.keep(unit, event, onlyTo) : store.pass(event)
      unit.afterwards(() => forward.event(packet, onlyTo))
    },
    deliver(session: HandlerSession, delivery: Delivery) {
      const entry = clients.get(session.id)
      if (entry?.session === session) deliver(entry.client, delivery)
    },
    relay: (session, message) => open.relay(session.id, session.kind === 'device' ? session.user : undefined, message),
    makeRoom({ id, user }, most) {
      const others = store.ofOwner(user).filter((one) => one.id !== id)
      const over = others.length - most + 1
      if (over <= 0) return true
      const kept = others.filter(({ since }) => since !== undefined).toSorted((a, b) => a.since! - b.since!)
      if (kept.length < over) return false
      for (const one of kept.slice(0, over)) store.end(one.id)
      return true
    },
    drop(isMeant, user) {
      let count = 0
      for (const { id, since, jti } of user === undefined ? store.all() : store.ofOwner(user)) {
        if (since === undefined || !isMeant({ ...sessionOwner(id), jti })) continue
        core.clearDelayedWill(id)
        wills.cancel(id)
        store.end(id)
        count++
      }
      return count
    },
    largestFor: (session) => clientOf.get(session)?.maximumPacketSize ?? Infinity,
    renewed(session) {
      store.used(session.id, session.token.jti)
      wills.renewed(session)
    },
    end(session, reasonCode, forGood = false) {
      if (forGood) endedForGood.add(session)
      clientOf.get(session)?.disconnect({ reasonCode })
    },
    resume: () => wills.resume(),
    close: async () => {
      store.stop()
      wills.stop()
      await promisify((done: (err?: Error) => void) => core.close(() => done()))()
      await lingering.close()
    },
  }
}

function jtiOf(session: Session): string | undefined {
  return session.kind === 'device' ? session.token.jti : undefined
}

/** Subscriptions that were not there before. */
const fresh = new WeakSet<Subscription>()

/** Retain Handling [MQTT-3.3.1-9 to 11]: at each SUBSCRIBE, only at the first, or never. */
function wantsRetained(sub: Subscription): boolean {
  const { rh = 0 } = sub as { rh?: number }
  return rh === 0 || (rh === 1 && fresh.has(sub))
}

function nextIdOf(client: InnerClient): number {
  const id = client._nextId
  client._nextId = (id % 65_535) + 1
  return id
}
