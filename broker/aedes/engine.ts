import { promisify } from 'node:util'
import type { AedesPublishPacket, AuthenticateError, Client, ConnectPacket, PublishPacket, Subscription } from 'aedes'
import type { Config } from '../../shared/config.ts'
import type { HandlerSession, Session } from '../session.ts'
import type { Storage } from '../storage/storage.ts'
import { answerInOrder } from './acknowledge.ts'
import { coalesce } from './coalesce.ts'
import { Core } from './core.ts'
import { addToConnack } from './connack.ts'
import { countingEmitter, duplicatesWithinOneEmit } from './emitter.ts'
import { faultOfConnect, guardPackets, INERT, isTopicName, SINK } from './guard.ts'
import { HandlerInbox } from './handler-inbox.ts'
import type { InnerClient, StoredPacket } from './internals.ts'
import type { Delivery, Hooks, Incoming, Login, MqttEngine } from './port.ts'
import { openSessionStore } from './session-store.ts'
import { sessionPersistence } from './sessions.ts'

const HANDLER_NAME = /^handler(?::|$)/
const NOT_AUTHORIZED_3 = 5
/** Deliveries that a handler may leave without PUBACK: well over any window, and well under what ids there are. */
const MAX_UNACKNOWLEDGED = 20_000

/** Starts Aedes behind our port: its hooks, our sessions, and a guard for each of its traps. */
export async function openEngine(config: Config, storage: Storage, hooks: Hooks): Promise<MqttEngine> {
  const clients = new Map<string, { client: InnerClient; session: Session }>()
  const clientOf = new WeakMap<Session, InnerClient>()
  const sessionOf = new WeakMap<object, Session>()
  const inboxes = new WeakMap<Session, HandlerInbox>()
  const logins = new WeakMap<object, Omit<Login, 'password'>>()
  const emitter = countingEmitter()

  const store = openSessionStore(storage, {
    maxWaiting: config.MAX_OFFLINE_EVENTS,
    maxWaitingBytes: config.MAX_OFFLINE_BYTES,
  })
  const sessions = sessionPersistence(store, {
    mayKeep: (id, filter) => {
      const session = clients.get(id)?.session
      return session !== undefined && hooks.mayReceive(session, filter)
    },
    acknowledged: (id, messageId, reasonCode) => {
      const session = clients.get(id)?.session
      if (session?.kind !== 'handler') return
      const delivery = inboxes.get(session)?.acknowledged(messageId)
      if (delivery) hooks.acknowledged(session, delivery, reasonCode)
    },
  })

  const core = new Core({
    mq: emitter,
    persistence: sessions,
    connectTimeout: config.CONNECT_TIMEOUT,
    drainTimeout: 5_000,
    keepaliveLimit: config.MAX_KEEPALIVE,
    maximumPacketSize: config.MAX_PACKET_BYTES,
    maxTopicLevels: 100,
    sessionExpiryIntervalLimit: Math.ceil(config.SESSION_TTL / 1000),
    preConnect,
    authenticate,
    authorizePublish,
    authorizeSubscribe,
    authorizeForward,
  })
  core.failed = (err) => hooks.fault(undefined, err)
  core.on('clientError', (client, err) => hooks.fault(sessionOf.get(client), err))
  core.on('connectionError', (client, err) => {
    const login = logins.get(client)
    if (!login) hooks.refusedConnect(err.message, { address: addressOf(client as unknown as InnerClient) })
  })
  core.on('unsubscribe', (filters, client) => {
    const session = sessionOf.get(client)
    if (session?.kind === 'handler') for (const filter of filters) hooks.unconsume(session, filter)
  })
  await core.listen()

  function preConnect(client: Client, packet: ConnectPacket, done: (err: Error | null, ok: boolean) => void): void {
    const inner = client as unknown as InnerClient
    inner.subscriptions = Object.create(null)
    inner.duplicates = duplicatesWithinOneEmit(emitter)
    const properties = firstOfEach(packet.properties?.userProperties)
    const login = { address: addressOf(inner), username: packet.username, client: packet.clientId, properties }
    logins.set(client, login)
    const fault = faultOfConnect(packet)
    if (fault !== undefined) {
      hooks.refusedConnect(fault, login)
      return done(new Error(fault), false)
    }
    if (HANDLER_NAME.test(packet.username ?? '')) beforeHandler(packet)
    // Clean Start 0 without Session Expiry would drop the queue it resumes: kept while connected, wiped at the end.
    else if (packet.protocolVersion === 5 && !packet.clean) keepWhileConnected.add(inner)
    done(null, true)
  }

  async function login(client: InnerClient, username?: string, password?: Buffer): Promise<void> {
    const from = { username, client: client.id, address: addressOf(client) }
    const { properties = {} } = logins.get(client) ?? {}
    const session = await hooks.authenticate({ ...from, properties, password: password?.toString() })
    client.id = session.id
    if (session.kind === 'handler') inboxes.set(session, new HandlerInbox(MAX_UNACKNOWLEDGED))
    else if (keepWhileConnected.has(client)) client.clean = false
    sessionOf.set(client, session)
    if (client.version === 5 && session.kind === 'device') addToConnack(client, { 'user-id': session.user })
  }

  function authenticate(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
    done: (err: AuthenticateError | null, ok: boolean | null) => void,
  ): void {
    const inner = client as unknown as InnerClient
    login(inner, username, password).then(
      () => done(null, true),
      (err: Error) => {
        hooks.refusedConnect(err.message, { username, client: inner.id, address: addressOf(inner) })
        done(Object.assign(new Error('not authorized'), { returnCode: NOT_AUTHORIZED_3 }), null)
      },
    )
  }

  core.registered = (client) => {
    const session = sessionOf.get(client)!
    clients.set(client.id, { client, session })
    clientOf.set(session, client)
    if (!client.clean) store.began(client.id, outlives(client))
    hooks.connected(session, client.receiveMaximum)
    client.conn.once('close', () => {
      if (clients.get(client.id)?.client === client) {
        clients.delete(client.id)
        store.ended(client.id, outlives(client))
      }
      hooks.gone(session)
    })
  }

  /** Milliseconds for which a client's session outlives its connection. */
  function outlives({ sessionExpiryInterval }: InnerClient): number {
    return Math.min(sessionExpiryInterval * 1000, config.SESSION_TTL)
  }

  function authorizePublish(client: Client | null, packet: PublishPacket, done: (err?: Error | null) => void): void {
    const inner = client as unknown as InnerClient
    const session = client ? sessionOf.get(client) : undefined
    if (!session) return done(new Error('a publish of nobody'))
    if (!isTopicName(packet.topic)) return done(new Error('the topic is no topic name'))
    const again = packet.qos === 2 && sessions.isIncoming(inner.id, packet.messageId ?? 0) // [MQTT-4.3.3-10]
    const message = incoming(packet, inner)
    packet.topic = SINK
    packet.retain = false
    delete packet.properties
    const take = (): void | Promise<void> => hooks.publish(session, message)
    const takeOnce = async (): Promise<void> => {
      store.notes(inner.id, packet.messageId!)
      try {
        await take()
      } catch (err) {
        store.released(inner.id, packet.messageId!)
        throw err
      }
    }
    answerInOrder(inner, packet, again ? undefined : packet.qos === 2 ? takeOnce : take, done)
  }

  function authorizeSubscribe(
    client: Client,
    sub: Subscription,
    done: (err: Error | null, sub?: Subscription | null) => void,
  ): void {
    const session = sessionOf.get(client)
    const verdict = session ? hooks.subscribe(session, sub.topic, sub.qos) : 'deny'
    if (verdict === 'deny') return done(null, null)
    done(null, verdict === 'consume' ? { ...sub, topic: INERT + sub.topic } : sub)
  }

  function authorizeForward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    const inner = client as unknown as InnerClient
    const session = sessionOf.get(client)
    if (!session) return null
    coalesce(inner.conn)
    if (session.kind === 'handler') {
      const inbox = inboxes.get(session)!
      if (inbox.isFull) inner.conn.destroy(new Error('a handler that acknowledges nothing'))
      return inbox.isFull ? null : (inbox.opens(packet) ?? null)
    }
    if (!hooks.mayReceive(session, packet.topic)) return null
    if (packet.qos > 0 && sessions.holdsBack(inner, packet as unknown as StoredPacket)) return null
    if (inner.conn.writableLength <= config.MAX_UNSENT_BYTES) return packet
    if (packet.qos > 0) inner.conn.destroy(new Error('too slow')) // what it misses waits in its session, if it has one
    return null
  }

  return {
    accept: (stream, request) => {
      const client = core.handle(stream, request) as unknown as InnerClient
      guardPackets(client)
    },
    isHeard: (topic) => emitter.isHeard(topic) || sessions.hasSubscriber(topic),
    event(unit, { topic, payload, correlation }) {
      const properties = correlation && { correlationData: correlation }
      const packet = store.keep(unit, { topic, payload, ...(properties && { properties }) })
      unit.afterwards(() => {
        emitter.emit(packet)
      })
    },
    deliver(session: HandlerSession, delivery: Delivery) {
      const entry = clients.get(session.id)
      if (entry?.session === session) entry.client.publish(inboxes.get(session)!.seal(delivery), () => {})
    },
    end(session, reasonCode) {
      clientOf.get(session)?.disconnect({ reasonCode })
    },
    close: async () => {
      store.stop()
      await promisify((done: (err?: Error) => void) => core.close(() => done()))()
    },
  }
}

const keepWhileConnected = new WeakSet<object>()

/** A handler's session is clean and has no will: what it held is redelivered to another. */
function beforeHandler(packet: ConnectPacket): void {
  packet.clean = true
  delete packet.will
  if (packet.properties) delete packet.properties.sessionExpiryInterval
}

function incoming(packet: PublishPacket, { clean }: InnerClient): Incoming {
  const { properties } = packet
  return {
    topic: packet.topic,
    payload: Buffer.from(packet.payload),
    qos: packet.qos,
    isRetransmitted: packet.dup && !clean,
    expiry: properties?.messageExpiryInterval,
    correlation: properties?.correlationData,
    responseTopic: properties?.responseTopic,
    properties: firstOfEach(properties?.userProperties),
  }
}

function firstOfEach(userProperties: object = {}): Record<string, string> {
  const given = Object.entries(userProperties as Record<string, string | string[]>)
  return Object.fromEntries(given.map(([name, value]) => [name, Array.isArray(value) ? (value[0] ?? '') : value]))
}

function addressOf(client: InnerClient): string {
  return client.conn.remoteAddress ?? client.req?.socket.remoteAddress ?? 'unknown'
}
