import { Readable } from 'node:stream'
import type { Subscription } from 'aedes'
import type { Storage, Unit } from '../storage/storage.ts'
import { callAt } from '../timer.ts'
import type { InnerClient, StoredPacket } from './internals.ts'

/** A QoS 1 event that waits for its PUBACK, and the connection it went out on last. */
interface Waiting {
  packet: StoredPacket
  sentOn?: object
  sent?: () => void
}

interface SessionState {
  /** Milliseconds for which it outlives its connection; 0: not at all, and it is not on the disk. */
  expiry: number
  subscriptions: Map<string, Subscription>
  /** By number, in the order of their publishing. */
  waiting: Map<number, Waiting>
  bytes: number
  byMessageId: Map<number, number>
  /** QoS 2 ids whose PUBREL has not come [MQTT-4.3.3]. */
  incoming: Set<number>
  /** The connection that still gets the queue of its absence: what is published meanwhile lines up behind. */
  catchingUp?: object
  /** Stops the clock of its absence. */
  stopClock?: () => void
}

interface SessionRecord {
  expiry: number
  subscriptions: Subscription[]
  /** When its connection ended; without it, it has one, or had one when the broker was killed. */
  since?: number | undefined
}

type EventRecord = Pick<StoredPacket, 'topic' | 'payload' | 'properties'>

export interface SessionLimits {
  /** Events that wait for one session, and their bytes: beyond, the oldest is dropped. */
  maxWaiting: number
  maxWaitingBytes: number
  /** Asked at every filter that is stored: a SUBSCRIBE is stored whole, with what was denied in it. */
  mayKeep(clientId: string, filter: string): boolean
  /** A PUBACK that came for something these sessions do not hold. */
  acknowledged(clientId: string, messageId: number, reasonCode: number): void
}

/**
 * Aedes' persistence: sessions, their subscriptions and offline events, in memory, and in the broker's storage as far as they
 * outlive their connection. Deletes never reject and unknown packets are ignored, since Aedes 2.0.0-beta.1 ends the process
 * or the connection on either.
 */
export function openSessions(storage: Storage, limits: SessionLimits) {
  const records = storage.table<SessionRecord>('sessions')
  const events = storage.table<EventRecord>('events')
  const received = storage.table<true>('received')

  const sessions = new Map<string, SessionState>()
  const subscribers = new Map<string, Map<string, Subscription & { clientId: string }>>()
  let lastNumber = 0
  let isClosed = false
  /** SUBSCRIBEs that are being stored: Aedes brings each whole once for every filter in it. */
  const storing = new WeakMap<Subscription[], Promise<void>>()
  /** Connections that have begun to get the queue of their absence. */
  const begun = new WeakSet<object>()

  const open = (id: string, expiry = 0): SessionState => {
    let session = sessions.get(id)
    if (!session) {
      session = {
        expiry,
        subscriptions: new Map(),
        waiting: new Map(),
        bytes: 0,
        byMessageId: new Map(),
        incoming: new Set(),
      }
      sessions.set(id, session)
    }
    return session
  }
  const subscribe = (id: string, session: SessionState, sub: Subscription): void => {
    unsubscribe(id, session, sub.topic)
    session.subscriptions.set(sub.topic, { ...sub })
    if (sub.qos === 0) return
    let ids = subscribers.get(sub.topic)
    if (!ids) subscribers.set(sub.topic, (ids = new Map()))
    ids.set(id, { ...sub, clientId: id })
  }
  const unsubscribe = (id: string, session: SessionState, filter: string): void => {
    session.subscriptions.delete(filter)
    const ids = subscribers.get(filter)
    if (ids?.delete(id) && ids.size === 0) subscribers.delete(filter)
  }
  const record = (unit: Unit, id: string, session: SessionState, since?: number): void => {
    unit.put(records, id, { expiry: session.expiry, subscriptions: [...session.subscriptions.values()], since })
  }
  const enqueue = (id: string, session: SessionState, packet: StoredPacket): void => {
    session.waiting.set(packet.brokerCounter, { packet: { ...packet, messageId: undefined } })
    session.bytes += packet.payload.length
    while (
      session.waiting.size > limits.maxWaiting ||
      (session.bytes > limits.maxWaitingBytes && session.waiting.size > 1)
    ) {
      forget(id, session, session.waiting.keys().next().value!)
    }
  }
  const forget = (id: string, session: SessionState, number: number): StoredPacket | undefined => {
    const waiting = session.waiting.get(number)
    if (!waiting) return undefined
    session.waiting.delete(number)
    session.bytes -= waiting.packet.payload.length
    if (waiting.packet.messageId !== undefined) session.byMessageId.delete(waiting.packet.messageId)
    waiting.sent?.()
    if (session.expiry > 0) storage.eventually((unit) => unit.remove(events, [id, number]))
    return waiting.packet
  }
  /** Ends a session, with all that it kept. */
  const end = (id: string): void => {
    const session = sessions.get(id)
    if (!session) return
    session.stopClock?.()
    for (const filter of session.subscriptions.keys()) unsubscribe(id, session, filter)
    sessions.delete(id)
    if (session.expiry === 0) return
    storage.eventually((unit) => {
      unit.remove(records, id)
      for (const number of session.waiting.keys()) unit.remove(events, [id, number])
      for (const messageId of session.incoming) unit.remove(received, [id, messageId])
    })
  }
  const expire = (id: string, session: SessionState, since: number): void => {
    if (!isClosed) session.stopClock = callAt(since + session.expiry, () => end(id))
  }

  for (const { key, value } of records.entries()) {
    const session = open(String(key), value.expiry)
    for (const sub of value.subscriptions) subscribe(String(key), session, sub)
  }
  for (const { key, value } of events.entries()) {
    const [id, number] = key as [string, number]
    lastNumber = Math.max(lastNumber, number)
    const session = sessions.get(id)
    if (!session) storage.eventually((unit) => unit.remove(events, key))
    // It may have been sent before the broker ended [MQTT-3.3.1-1].
    else enqueue(id, session, packetOf(number, value, true))
  }
  for (const { key } of received.entries()) {
    const [id, messageId] = key as [string, number]
    const session = sessions.get(id)
    if (session) session.incoming.add(messageId)
    else storage.eventually((unit) => unit.remove(received, key))
  }
  for (const [id, session] of sessions) expire(id, session, records.get(id)?.since ?? Date.now())

  return {
    setup: async (_broker: unknown): Promise<void> => {},
    destroy: async (): Promise<void> => {
      isClosed = true
      for (const session of sessions.values()) session.stopClock?.()
    },

    /** A connection has this session now; `expiry` is how many milliseconds the session outlives it. */
    began(id: string, expiry: number): void {
      const session = open(id)
      session.stopClock?.()
      delete session.stopClock
      if (session.expiry === 0 && expiry === 0) return
      session.expiry ||= expiry // one that resumes with none ends with its connection, and stays on the disk until then
      storage.eventually((unit) => {
        if (sessions.get(id) === session) record(unit, id, session)
      })
    },
    /** Its connection has ended. */
    ended(id: string, expiry: number): void {
      const session = sessions.get(id)
      if (!session) return
      if (expiry === 0) return end(id)
      session.expiry = expiry
      const since = Date.now()
      storage.eventually((unit) => {
        if (sessions.get(id) === session) record(unit, id, session, since)
      })
      expire(id, session, since)
    },

    /** Stores an event in every session that must keep it. Returns the packet to send when the unit is stored. */
    keep(unit: Unit, event: EventRecord): StoredPacket {
      const packet = packetOf(++lastNumber, event, false)
      for (const id of subscribers.get(event.topic)?.keys() ?? []) {
        const session = sessions.get(id)!
        if (session.expiry > 0) unit.put(events, [id, packet.brokerCounter], event)
        unit.afterwards(() => {
          if (sessions.get(id) === session) enqueue(id, session, packet)
          else if (session.expiry > 0) storage.eventually((later) => later.remove(events, [id, packet.brokerCounter]))
        })
      }
      return packet
    },

    addSubscriptions(client: { id: string }, subs: Subscription[]): Promise<void> {
      const before = storing.get(subs)
      if (before) return before
      const session = open(client.id)
      for (const sub of subs) if (limits.mayKeep(client.id, sub.topic)) subscribe(client.id, session, sub)
      const stored = session.expiry > 0 ? storage.commit((unit) => record(unit, client.id, session)) : Promise.resolve()
      storing.set(subs, stored)
      return stored
    },
    async removeSubscriptions(client: { id: string }, filters: string[]): Promise<void> {
      const session = sessions.get(client.id)
      if (!session) return
      for (const filter of filters) unsubscribe(client.id, session, filter)
      if (session.expiry > 0) await storage.commit((unit) => record(unit, client.id, session))
    },
    async subscriptionsByClient(client: { id: string }): Promise<Subscription[]> {
      return [...(sessions.get(client.id)?.subscriptions.values() ?? [])]
    },
    async subscriptionsByTopic(topic: string): Promise<Subscription[]> {
      return [...(subscribers.get(topic)?.values() ?? [])]
    },
    hasSubscriber: (topic: string): boolean => subscribers.has(topic),
    /** Aedes calls it at a clean start [MQTT-3.1.2-4]. */
    cleanSubscriptions: async (client: { id: string }): Promise<void> => end(client.id),

    // Events come by `keep`; what Aedes publishes by itself, nobody may keep.
    outgoingEnqueue: async (_sub: { clientId: string }, _packet: StoredPacket): Promise<void> => {},
    outgoingEnqueueCombi: async (_subs: { clientId: string }[], _packet: StoredPacket): Promise<void> => {},

    /** Notes the message id under which an event goes out now; picks another where Aedes' own choice is taken. */
    async outgoingUpdate(client: InnerClient, packet: StoredPacket): Promise<void> {
      const session = sessions.get(client.id)
      const number = packet.brokerCounter
      const waiting = session?.waiting.get(number)
      if (!session || !waiting || packet.messageId === undefined) return
      while ((session.byMessageId.get(packet.messageId) ?? number) !== number) {
        packet.messageId = (packet.messageId % 65_535) + 1
      }
      waiting.packet.messageId = packet.messageId
      waiting.sentOn = client
      session.byMessageId.set(packet.messageId, number)
      waiting.sent?.()
    },
    async outgoingClearMessageId(client: InnerClient, ack: { messageId?: number; reasonCode?: number; cmd?: string }) {
      if (ack.messageId === undefined) return undefined
      const session = sessions.get(client.id)
      const number = session?.byMessageId.get(ack.messageId)
      if (session && number !== undefined) return forget(client.id, session, number)
      if (ack.cmd === 'puback') limits.acknowledged(client.id, ack.messageId, ack.reasonCode ?? 0)
      return undefined
    },
    outgoingStream(client: InnerClient): Readable {
      begun.add(client)
      const session = sessions.get(client.id)
      if (session) session.catchingUp = client
      return Readable.from(session ? catchUp(session, client) : [], { highWaterMark: 1 })
    },
    /** Tells whether a live event has to wait: its session will catch up, does so, or sent it while doing so. */
    holdsBack(client: InnerClient, packet: StoredPacket): boolean {
      if (packet.messageId !== undefined) return false // it comes from the catching up itself
      const session = sessions.get(client.id)
      const waiting = session?.waiting.get(packet.brokerCounter)
      if (!waiting) return false
      return !begun.has(client) || session?.catchingUp === client || waiting.sentOn === client
    },

    isIncoming: (id: string, messageId: number): boolean => sessions.get(id)?.incoming.has(messageId) ?? false,
    /** Notes a QoS 2 PUBLISH in the transaction that stores what it brings, so that neither is without the other. */
    notes(id: string, messageId: number): void {
      const session = open(id)
      if (session.incoming.has(messageId)) return
      session.incoming.add(messageId)
      if (session.expiry === 0) return
      storage.eventually((unit) => {
        if (session.incoming.has(messageId)) unit.put(received, [id, messageId], true)
      })
    },
    async incomingStorePacket(client: { id: string }, packet: { messageId: number }): Promise<void> {
      this.notes(client.id, packet.messageId)
    },
    async incomingGetPacket(client: { id: string }, packet: { messageId: number }): Promise<{ messageId: number }> {
      if (sessions.get(client.id)?.incoming.has(packet.messageId)) return { messageId: packet.messageId }
      throw new Error('no such packet') // what Aedes takes for "new"
    },
    async incomingDelPacket(client: { id: string }, packet: { messageId: number }): Promise<void> {
      const session = sessions.get(client.id)
      if (!session?.incoming.delete(packet.messageId) || session.expiry === 0) return
      storage.eventually((unit) => unit.remove(received, [client.id, packet.messageId]))
    },

    // Nothing is retained and no will outlives its broker here: a will is a command, published when its connection ends.
    storeRetained: async (): Promise<void> => {},
    createRetainedStream: () => Readable.from([]),
    createRetainedStreamCombi: () => Readable.from([]),
    putWill: async (): Promise<void> => {},
    getWill: async (): Promise<undefined> => undefined,
    delWill: async (): Promise<undefined> => undefined,
    streamWill: () => Readable.from([]),
    getClientList: () => Readable.from([]),
    countOffline: async () => ({ subsCount: subscribers.size, clientsCount: sessions.size }),
  }
}

export type Sessions = ReturnType<typeof openSessions>

/** What Aedes takes for `brokerId`: all packets of ours come from one. */
const OURS = 'switchboard'

function packetOf(number: number, { topic, payload, properties }: EventRecord, dup: boolean): StoredPacket {
  const packet: StoredPacket = {
    cmd: 'publish',
    topic,
    payload,
    qos: 1,
    dup,
    retain: false,
    brokerId: OURS,
    brokerCounter: number,
  }
  return properties ? { ...packet, properties } : packet
}

/** Every waiting event in order, those that arrive meanwhile included, each once per connection. */
async function* catchUp(session: SessionState, client: InnerClient): AsyncGenerator<StoredPacket> {
  try {
    for (const waiting of session.waiting.values()) {
      if (waiting.sentOn === client) continue
      const sent = new Promise<void>((resolve) => (waiting.sent = resolve))
      yield waiting.sentOn ? { ...waiting.packet, dup: true } : waiting.packet
      await sent // so that nothing published live can overtake what this stream still holds
    }
  } finally {
    if (session.catchingUp === client) delete session.catchingUp
  }
}
