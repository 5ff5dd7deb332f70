import type { Subscription } from 'aedes'
import { Oldest } from '../../../shared/oldest.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { callAt } from '../../../shared/timer.ts'
import type { StoredPacket } from './internals.ts'
import { OpenSubscriptions } from './open-subscriptions.ts'

/** What stands before the filter of open topics in Aedes, which never publishes there: they are delivered by `open-topics.ts`. */
export const OPEN = '$open/'

/** A QoS 1 event that waits for its PUBACK, and the connection it went out on last. */
export interface Waiting {
  packet: StoredPacket
  sentOn?: object
  sent?: () => void
}

export interface SessionState {
  /** Milliseconds for which it outlives its connection; 0: not at all, and it is not on the disk. */
  expiry: number
  /** The id of the token that it had last. */
  jti?: string | undefined
  /** When its connection ended; without it, it has one. */
  since?: number
  subscriptions: Map<string, Subscription>
  /** By number, in the order of their publishing. */
  waiting: Map<number, Waiting>
  oldest: Oldest<number, Waiting>
  bytes: number
  byMessageId: Map<number, number>
  /** QoS 2 ids whose PUBREL has not come [MQTT-4.3.3]. */
  incoming: Set<number>
  /** The connection that still gets the queue of its absence: what is published meanwhile lines up behind. */
  catchingUp?: object
  /** Called when something of what waits has gone. */
  relieved?: () => void
  /** Stops the clock of its absence. */
  stopClock?: () => void
}

interface SessionRecord {
  expiry: number
  subscriptions: Subscription[]
  /** When its connection ended; without it, it has one, or had one when the broker was killed. */
  since?: number | undefined
  jti?: string | undefined
}

/** What waits for a session, as it is stored; without a QoS it is 1. */
export type EventRecord = Pick<
  StoredPacket,
  'topic' | 'payload' | 'properties' | 'messageExpiry' | 'answers' | 'shared'
> & {
  qos?: 1 | 2
  retain?: boolean
  /** The message id under which the client has it; what is left to do is its PUBREL [MQTT-4.3.3-1]. */
  released?: number
}

/** Events that wait for one session, and their bytes: beyond, the oldest is dropped. */
export interface SessionBounds {
  maxWaiting: number
  maxWaitingBytes: number
}

/** A session, when it was left, and by which token it was used last. */
export interface ListedSession {
  id: string
  since: number | undefined
  jti: string | undefined
}

export type SessionStore = ReturnType<typeof openSessionStore>

/**
 * Sessions, their subscriptions and the events that wait for them: in memory, and in the broker's storage as far as they
 * outlive their connection.
 */
export function openSessionStore(storage: Storage, limits: SessionBounds) {
  const records = storage.table<SessionRecord>('sessions')
  const events = storage.table<EventRecord>('events')
  const received = storage.table<true>('received')

  const sessions = new Map<string, SessionState>()
  const owners = new Map<string, Set<string>>()
  const subscribers = new Map<string, Map<string, Subscription & { clientId: string }>>()
  const openSubscriptions = new OpenSubscriptions()
  let lastNumber = 0
  let isClosed = false
  /** Gets what a session leaves of its shared subscriptions. */
  let passOn = (_left: StoredPacket[]): void => {}

  const open = (id: string, expiry = 0): SessionState => {
    let session = sessions.get(id)
    if (!session) {
      const waiting = new Map<number, Waiting>()
      session = {
        expiry,
        subscriptions: new Map(),
        waiting,
        oldest: new Oldest(waiting),
        bytes: 0,
        byMessageId: new Map(),
        incoming: new Set(),
      }
      sessions.set(id, session)
      const own = owners.get(ownerOf(id))
      if (own) own.add(id)
      else owners.set(ownerOf(id), new Set([id]))
    }
    return session
  }
  const subscribe = (id: string, session: SessionState, sub: Subscription): void => {
    unsubscribe(id, session, sub.topic)
    session.subscriptions.set(sub.topic, { ...sub })
    if (sub.topic.startsWith(OPEN)) return openSubscriptions.add(id, sub.topic.slice(OPEN.length), sub)
    if (sub.qos === 0) return
    let ids = subscribers.get(sub.topic)
    if (!ids) subscribers.set(sub.topic, (ids = new Map()))
    ids.set(id, { ...sub, clientId: id })
  }
  const unsubscribe = (id: string, session: SessionState, filter: string): void => {
    if (!session.subscriptions.delete(filter)) return
    if (filter.startsWith(OPEN)) return openSubscriptions.remove(id, filter.slice(OPEN.length))
    const ids = subscribers.get(filter)
    if (ids?.delete(id) && ids.size === 0) subscribers.delete(filter)
  }
  const record = (unit: Unit, id: string, session: SessionState, since?: number): void => {
    const { expiry, jti } = session
    unit.put(records, id, { expiry, subscriptions: [...session.subscriptions.values()], since, jti })
  }
  const enqueue = (id: string, session: SessionState, packet: StoredPacket): void => {
    session.waiting.set(packet.brokerCounter, { packet: { ...packet, messageId: undefined } })
    session.bytes += packet.payload.length
    while (
      session.waiting.size > limits.maxWaiting ||
      (session.bytes > limits.maxWaitingBytes && session.waiting.size > 1)
    ) {
      forget(id, session, session.oldest.entry![0])
    }
  }
  const forget = (id: string, session: SessionState, number: number): StoredPacket | undefined => {
    const waiting = session.waiting.get(number)
    if (!waiting) return undefined
    session.waiting.delete(number)
    session.bytes -= waiting.packet.payload.length
    if (waiting.packet.messageId !== undefined) session.byMessageId.delete(waiting.packet.messageId)
    waiting.sent?.()
    session.relieved?.()
    if (session.expiry > 0) storage.eventually((unit) => unit.remove(events, [id, number]))
    return waiting.packet
  }
  /** Ends a session, with all that it kept. */
  const end = (id: string): void => {
    const session = sessions.get(id)
    if (!session) return
    session.stopClock?.()
    session.relieved?.()
    for (const filter of session.subscriptions.keys()) unsubscribe(id, session, filter)
    sessions.delete(id)
    const own = owners.get(ownerOf(id))
    if (own?.delete(id) && own.size === 0) owners.delete(ownerOf(id))
    const left = [...session.waiting.values()].map(({ packet }) => packet).filter(isForAnother)
    if (left.length > 0) passOn(left)
    if (session.expiry === 0) return
    storage.eventually((unit) => {
      const now = sessions.get(id) // begun anew, if this has to be tried again
      if (!now) unit.remove(records, id)
      for (const number of session.waiting.keys()) unit.remove(events, [id, number])
      for (const messageId of session.incoming)
        if (!now?.incoming.has(messageId)) unit.remove(received, [id, messageId])
    })
  }
  const keepOne = (unit: Unit, id: string, message: EventRecord, packet: StoredPacket): void => {
    const session = sessions.get(id)!
    if (session.expiry > 0) unit.put(events, [id, packet.brokerCounter], message)
    unit.afterwards(() => {
      if (sessions.get(id) === session) return enqueue(id, session, packet)
      if (session.expiry > 0) storage.eventually((later) => later.remove(events, [id, packet.brokerCounter]))
      if (isForAnother(packet)) passOn([packet])
    })
  }
  const expire = (id: string, session: SessionState, since: number): void => {
    session.since = since
    if (!isClosed) session.stopClock = callAt(since + session.expiry, () => end(id))
  }

  const listed = (id: string): ListedSession => {
    const { since, jti } = sessions.get(id)!
    return { id, since, jti }
  }

  for (const { key, value } of records.entries()) {
    const session = open(String(key), value.expiry)
    session.jti = value.jti
    for (const sub of value.subscriptions) subscribe(String(key), session, sub)
  }
  for (const { key, value } of events.entries()) {
    const [id, number] = key as [string, number]
    lastNumber = Math.max(lastNumber, number)
    const session = sessions.get(id)
    if (!session) storage.eventually((unit) => unit.remove(events, key))
    // It may have been sent before the broker ended [MQTT-3.3.1-1].
    else if (value.released === undefined) enqueue(id, session, packetOf(number, value, true))
    else {
      session.waiting.set(number, { packet: pubrelOf(number, value.released) })
      session.byMessageId.set(value.released, number)
    }
  }
  for (const { key } of received.entries()) {
    const [id, messageId] = key as [string, number]
    const session = sessions.get(id)
    if (session) session.incoming.add(messageId)
    else storage.eventually((unit) => unit.remove(received, key))
  }
  for (const [id, session] of sessions) expire(id, session, records.get(id)?.since ?? Date.now())

  return {
    get: (id: string): SessionState | undefined => sessions.get(id),
    open,
    end,
    forget,
    subscribe,
    unsubscribe,
    /** Takes one message out of a session, if it is there. */
    drop(id: string, number: number): void {
      const session = sessions.get(id)
      if (session?.waiting.has(number)) forget(id, session, number)
    },
    leaves(id: string, filter: string): void {
      const session = sessions.get(id)
      if (session) unsubscribe(id, session, filter)
    },
    /** Stores the subscriptions of a session that lasts. */
    async keepSubscriptions(id: string, session: SessionState): Promise<void> {
      if (session.expiry > 0) await storage.commit((unit) => record(unit, id, session))
    },
    /** Its subscribers at QoS 1 and 2, connected or away. */
    subscribersOf: (topic: string) => subscribers.get(topic),
    openTo: (topic: string, sender: string, isHere: (session: string) => boolean) =>
      openSubscriptions.match(topic, sender, isHere),
    /** The member of a shared subscription whose turn it is. */
    memberOf: (shared: string, isHere: (session: string) => boolean) => openSubscriptions.member(shared, isHere),
    /** Who gets what an ended session leaves of its shared subscriptions. */
    passesOn(to: (left: StoredPacket[]) => void): void {
      passOn = to
    },
    /** The sessions of this owner (what stands before the slash of their ids). */
    ofOwner: (owner: string): ListedSession[] => [...(owners.get(owner) ?? [])].map(listed),
    all: (): ListedSession[] => [...sessions.keys()].map(listed),
    counts: () => ({ subsCount: subscribers.size, clientsCount: sessions.size }),

    /**
     * A connection has this session now, by the token with this id; `expiry` is how many milliseconds the session outlives it.
     */
    began(id: string, expiry: number, jti?: string): void {
      const session = open(id)
      session.stopClock?.()
      delete session.stopClock
      delete session.since
      session.jti = jti
      if (session.expiry === 0 && expiry === 0) return
      session.expiry ||= expiry // one that resumes with none ends with its connection, and stays on the disk until then
      storage.eventually((unit) => {
        if (sessions.get(id) === session) record(unit, id, session)
      })
    },
    /** Its connection goes on by the token with this id. */
    used(id: string, jti: string | undefined): void {
      const session = sessions.get(id)
      if (!session || session.jti === jti) return
      session.jti = jti
      if (session.expiry === 0) return
      storage.eventually((unit) => {
        if (sessions.get(id) === session) record(unit, id, session, session.since)
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

    /**
     * Stores an event in every session that must keep it, or in that one alone. Returns the packet to send when the unit is
     * stored.
     */
    keep(unit: Unit, event: EventRecord, onlyTo?: string): StoredPacket {
      const packet = packetOf(++lastNumber, event, false)
      for (const id of subscribers.get(event.topic)?.keys() ?? []) {
        if (onlyTo === undefined || onlyTo === id) keepOne(unit, id, event, packet)
      }
      return packet
    },
    /** The packet of an event that no session keeps. */
    pass: (event: EventRecord): StoredPacket => ({ ...packetOf(++lastNumber, event, false), qos: 0 }),
    /** Stores a message in one session, which there must be. Returns the packet to send when the unit is stored. */
    keepFor(unit: Unit, id: string, message: EventRecord): StoredPacket {
      const packet = packetOf(++lastNumber, message, false)
      keepOne(unit, id, message, packet)
      return packet
    },
    /** Resolves when it is on the disk that the client has this QoS 2 message, and its PUBREL may go out. */
    async has(id: string, messageId: number): Promise<void> {
      const session = sessions.get(id)
      const number = session?.byMessageId.get(messageId)
      const waiting = number === undefined ? undefined : session?.waiting.get(number)
      if (!session || number === undefined || waiting?.packet.qos !== 2) return
      session.bytes -= waiting.packet.payload.length
      waiting.packet = pubrelOf(number, messageId)
      session.relieved?.()
      if (session.expiry === 0) return
      await storage.commit((unit) => unit.put(events, [id, number], { ...NO_MESSAGE, released: messageId }))
    },

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
    /** Its PUBREL has come, or it was refused. */
    released(id: string, messageId: number): void {
      const session = sessions.get(id)
      if (!session?.incoming.delete(messageId) || session.expiry === 0) return
      storage.eventually((unit) => unit.remove(received, [id, messageId]))
    },
    /** Stops the clocks of all absences; what ends from now on is found on the disk. */
    stop(): void {
      isClosed = true
      for (const session of sessions.values()) session.stopClock?.()
    },
  }
}

/** Not acknowledged, and not QoS 2, which is one client's for good [MQTT-4.8.2-5]. */
function isForAnother({ cmd, qos, shared }: StoredPacket): boolean {
  return shared !== undefined && cmd === 'publish' && qos === 1
}

/** What Aedes takes for `brokerId`: all packets of ours come from one. */
const OURS = 'switchboard'

const NO_MESSAGE: EventRecord = { topic: '', payload: Buffer.alloc(0) }

function packetOf(number: number, message: EventRecord, dup: boolean): StoredPacket {
  const { topic, payload, properties, qos = 1, retain = false, messageExpiry, answers, shared } = message
  return {
    cmd: 'publish',
    topic,
    payload,
    qos,
    dup,
    retain,
    brokerId: OURS,
    brokerCounter: number,
    ...(properties && { properties }),
    ...(messageExpiry !== undefined && { messageExpiry }),
    ...(answers && { answers }),
    ...(shared !== undefined && { shared }),
  }
}

function pubrelOf(number: number, messageId: number): StoredPacket {
  return { ...packetOf(number, NO_MESSAGE, false), cmd: 'pubrel', messageId }
}

function ownerOf(id: string): string {
  return id.slice(0, id.indexOf('/'))
}
