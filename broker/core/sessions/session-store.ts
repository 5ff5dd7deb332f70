import type { UserId } from '../../../shared/wire/user-id.ts'
import { callAt } from '../../../shared/timer.ts'
import type { UnderWay } from '../../seam/messages.ts'
import { asOfNow } from '../../seam/remaining-time.ts'
import type { SessionMessage } from '../../seam/session-message.ts'
import { sessionOwner } from '../../seam/session.ts'
import { OPEN, type Subscription } from '../../seam/subscription.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { asSent } from '../kept/as-sent.ts'
import type { Held } from '../kept/box.ts'
import type { Holders, KeptEvents, Queue, Target } from '../kept/kept-events.ts'
import { ON_ALL, QOS_2, RETAINED, SHARED, type KeptRecord } from '../kept/kept-record.ts'
import type { MessageTarget, OpenContent } from '../open-topics/receivers.ts'
import { Feed, type FeedPorts } from './feed.ts'
import type { Kept } from './live-sessions.ts'
import { OpenSubscriptions } from './open-subscriptions.ts'
import { Progress } from './progress.ts'
import { Reference, SessionQueue, type SessionBounds } from './session-queue.ts'

interface SessionRecord {
  serial: number
  expiry: number
  subscriptions: Subscription[]
  /** When its connection ended; without it, it has one, or had one when the broker was killed. */
  since?: number | undefined
  jti?: string | undefined
}

/** Messages that a client may leave unacknowledged, or as many as may wait for it. */
const MOST_UNDER_WAY = 1_000

export type SessionStore = ReturnType<typeof openSessionStore>

/**
 * Sessions, their subscriptions and the events that wait for them: references in memory, and in the broker's storage as far as they
 * outlive their connection.
 */
export function openSessionStore(storage: Storage, kept: KeptEvents, bounds: SessionBounds) {
  const records = storage.table<SessionRecord>('sessions')
  const received = storage.table<true>('received')
  const progress = new Progress(storage)

  const sessions = new Map<string, SessionQueue>()
  const bySerial = new Map<number, SessionQueue>()
  const owners = new Map<string, Set<SessionQueue>>()
  /** Of the events of users: by topic, QoS 1 and 2. */
  const subscribers = new Map<string, Map<SessionQueue, Subscription>>()
  const openSubscriptions = new OpenSubscriptions()
  /** Those of which something is to be stored. */
  const changed = new Set<SessionQueue>()
  let lastSerial = 0
  let isClosed = false
  /** Gets what a session leaves of its shared subscriptions. */
  let passOn = (_left: SessionMessage[]): void => {}

  class Session extends SessionQueue implements Queue {
    take(held: Held, { form, ids, shared }: Target, record: KeptRecord | undefined): void {
      const number = Reference.numberOf(held.key, form)
      if (sessions.get(this.id) !== this) {
        // It has ended meanwhile.
        if (record && isForAnother(form)) passOn([asSent(record, this.owner, { form, ids, shared })])
        return
      }
      this.add(number, new Reference(held, form, record === undefined))
      if (this.isLasting) this.last = Math.max(this.last, number)
      kept.hold(held)
      this.bytes += held.bytes
      while (this.isOver(bounds)) forget(this, this.first!)
    }
  }

  const create = (id: string, serial: number, expiry: number): SessionQueue => {
    const session = new Session(id, serial, expiry)
    sessions.set(id, session)
    bySerial.set(serial, session)
    const own = owners.get(session.owner)
    if (own) own.add(session)
    else owners.set(session.owner, new Set([session]))
    return session
  }
  const open = (id: string): SessionQueue => sessions.get(id) ?? create(id, ++lastSerial, 0)
  const subscribe = (session: SessionQueue, sub: Subscription): void => {
    unsubscribe(session, sub.topic)
    session.subscriptions.set(sub.topic, { ...sub })
    if (sub.topic.startsWith(OPEN)) return openSubscriptions.add(session.id, sub.topic.slice(OPEN.length), sub)
    if (sub.qos === 0) return
    const queues = subscribers.get(sub.topic)
    if (queues) queues.set(session, sub)
    else subscribers.set(sub.topic, new Map([[session, sub]]))
  }
  const unsubscribe = (session: SessionQueue, filter: string): void => {
    if (!session.subscriptions.delete(filter)) return
    if (filter.startsWith(OPEN)) return openSubscriptions.remove(session.id, filter.slice(OPEN.length))
    const queues = subscribers.get(filter)
    if (queues?.delete(session) && queues.size === 0) subscribers.delete(filter)
  }
  const record = (unit: Unit, session: SessionQueue, since?: number): void => {
    const { id, serial, expiry, jti } = session
    unit.put(records, id, { serial, expiry, subscriptions: [...session.subscriptions.values()], since, jti })
  }
  const recordSoon = (session: SessionQueue, since?: number): void => {
    storage.eventually((unit) => {
      if (sessions.get(session.id) === session) record(unit, session, since)
    })
  }
  /** What is to be stored of a session is, with the next unit. */
  const change = (session: SessionQueue): void => {
    changed.add(session)
    kept.changed()
  }
  const forget = (session: SessionQueue, number: number): void => {
    const reference = session.remove(number)
    if (!reference) return
    const { held } = reference
    if (held) {
      session.bytes -= held.bytes
      kept.release(held)
    }
    session.relieved?.()
    if (!session.isLasting) return
    if (number > session.cursor) session.skipped.push(number)
    change(session)
  }
  /** Ends a session, with all that it kept. */
  const end = (session: SessionQueue): void => {
    const { id, owner, serial } = session
    session.stopClock?.()
    session.relieved?.()
    for (const filter of session.subscriptions.keys()) unsubscribe(session, filter)
    sessions.delete(id)
    bySerial.delete(serial)
    changed.delete(session)
    const own = owners.get(owner)
    if (own?.delete(session) && own.size === 0) owners.delete(owner)
    const left = [...session.waiting.values()].flatMap((reference) =>
      isForAnother(reference.form) ? (messageOf(session, reference) ?? []) : [],
    )
    for (const { held } of session.waiting.values()) if (held) kept.release(held)
    session.waiting.clear()
    if (left.length > 0) passOn(left)
    if (session.expiry === 0) return
    storage.eventually((unit) => {
      const now = sessions.get(id) // begun anew, if this has to be tried again
      if (!now) unit.remove(records, id)
      progress.remove(unit, session)
      for (const messageId of session.incoming)
        if (!now?.incoming.has(messageId)) unit.remove(received, [id, messageId])
    })
  }
  const expire = (session: SessionQueue, since: number): void => {
    session.since = since
    if (isClosed) return
    session.stopClock = callAt(since + session.expiry, () => {
      if (sessions.get(session.id) === session) end(session)
    })
  }
  const messageOf = (session: SessionQueue, { held, form }: Reference): SessionMessage | undefined => {
    const found = held && kept.read(held.key)
    if (!found) return undefined
    // Which subscriptions of its have brought an open message, the record alone tells.
    const place = found.kind === 'event' ? undefined : found.places.find((one) => one.session === session.serial)
    return asSent(found, session.owner, place ?? { form })
  }
  const messageNow = (session: SessionQueue, reference: Reference): SessionMessage | undefined => {
    const message = messageOf(session, reference)
    return message && asOfNow(message)
  }
  /** What a client may leave unacknowledged that knows no Receive Maximum. */
  const mostUnderWay = Math.max(bounds.maxWaiting, MOST_UNDER_WAY)

  for (const { key, value } of records.entries()) {
    const session = create(String(key), value.serial, value.expiry)
    lastSerial = Math.max(lastSerial, value.serial)
    session.jti = value.jti
    for (const sub of value.subscriptions) subscribe(session, sub)
    expire(session, value.since ?? Date.now())
  }
  for (const { key } of received.entries()) {
    const [id, messageId] = key as [string, number]
    const session = sessions.get(id)
    if (session) session.incoming.add(messageId)
    else storage.eventually((unit) => unit.remove(received, key))
  }
  /** How far each had come when the last broker ended. */
  const before = progress.read(bySerial)

  const holders: Holders['sessions'] = {
    queueOf(serial, key, form) {
      lastSerial = Math.max(lastSerial, serial) // of one that has ended, perhaps
      const session = bySerial.get(serial)
      return session && before.waits(session, Reference.numberOf(key, form)) ? (session as Session) : undefined
    },
    lose({ key, box }) {
      for (const session of owners.get(box.user) ?? []) {
        forget(session, key)
        forget(session, key + ON_ALL)
      }
    },
    tidy(unit) {
      if (changed.size === 0) return
      for (const session of changed) progress.store(unit, session)
      const all = [...changed]
      changed.clear()
      unit.otherwise(() => {
        for (const session of all) if (sessions.get(session.id) === session) changed.add(session)
      })
    },
  }

  return {
    holders,
    /** All that was kept has been given to those who hold it. */
    opened(): void {
      before.forget()
    },

    get: (id: string) => sessions.get(id),
    open,
    end(id: string): void {
      const session = sessions.get(id)
      if (session) end(session)
    },
    subscribe: (id: string, sub: Subscription) => subscribe(open(id), sub),
    unsubscribe(id: string, filter: string): void {
      const session = sessions.get(id)
      if (session) unsubscribe(session, filter)
    },
    async keepSubscriptions(id: string): Promise<void> {
      const session = sessions.get(id)
      if (session?.isLasting) await storage.commit((unit) => record(unit, session))
    },
    openTo: (topic: string, sender: string, isHere: (session: string) => boolean) =>
      openSubscriptions.match(topic, sender, isHere),
    memberOf: (shared: string, isHere: (session: string) => boolean) => openSubscriptions.member(shared, isHere),
    passesOn(to: (left: SessionMessage[]) => void): void {
      passOn = to
    },

    /**
     * Makes room for a session beside fewer than `most` others of its user: ends the oldest of those that have no connection. False
     * when there are too many that have one.
     */
    makeRoom(id: string, user: UserId, most: number): boolean {
      const others = [...(owners.get(user) ?? [])].filter((one) => one.id !== id)
      const over = others.length - most + 1
      if (over <= 0) return true
      const away = others.filter(({ since }) => since !== undefined).toSorted((a, b) => a.since! - b.since!)
      if (away.length < over) return false
      for (const one of away.slice(0, over)) end(one)
      return true
    },
    /** Ends sessions that have no connection, with what waits for them. Returns their ids. */
    dropAway(isMeant: (kept: Kept) => boolean, user?: UserId): string[] {
      const all = [...(user === undefined ? sessions.values() : (owners.get(user) ?? []))]
      const meant = all.filter(({ id, since, jti }) => since !== undefined && isMeant({ ...sessionOwner(id), jti }))
      for (const session of meant) end(session)
      return meant.map(({ id }) => id)
    },

    /** Adds the queues that an event on this topic is to be kept in: those of one session alone, if that is said. */
    targets(to: Target[], topic: string, form: number, onlyTo?: string): void {
      for (const queue of subscribers.get(topic)?.keys() ?? []) {
        if (onlyTo === undefined || onlyTo === queue.id) to.push({ queue: queue as Session, form })
      }
    },
    /**
     * Keeps a message of an open topic in sessions, once the unit is stored: once, but for a session that gets it more than once.
     * @returns its number in each
     */
    keepMessage(unit: Unit, message: OpenContent, to: readonly MessageTarget[]): number[] {
      const { topic, payload, properties, messageExpiry: expiresAt } = message
      const record = { kind: 'message' as const, at: 0, places: [], topic, payload, properties, expiresAt }
      const numbers: number[] = []
      const rounds: number[][] = []
      const times = new Map<string, number>()
      for (const [i, { session }] of to.entries()) {
        const before = times.get(session) ?? 0
        times.set(session, before + 1)
        ;(rounds[before] ??= []).push(i)
      }
      for (const round of rounds) {
        const targets = round.map((i) => targetOf(to[i]!))
        const key = kept.keep(unit, { ...record }, targets)
        for (const i of round) numbers[i] = key
      }
      return numbers
    },

    /** What waits under this number, as the session gets it now. */
    message(id: string, number: number): SessionMessage | undefined {
      const session = sessions.get(id)
      const reference = session?.waiting.get(number)
      return reference && messageOf(session!, reference)
    },
    /** Takes one message out of a session, if it is there. */
    drop(id: string, number: number): void {
      const session = sessions.get(id)
      if (session) forget(session, number)
    },
    /** What a connection is to get of what waits in its session. `window`: messages that its client takes at once. */
    feed(id: string, connection: number, window: number, ports: Pick<FeedPorts, 'toFront' | 'pageBytes'>): Feed {
      return new Feed(connection, open(id), Math.min(window, mostUnderWay), { ...ports, message: messageNow, forget })
    },
    /** Resolves when it is on the disk that the client has this QoS 2 message, and its PUBREL may go out. */
    async has(id: string, { number, messageId }: UnderWay): Promise<void> {
      const session = sessions.get(id)
      const reference = session?.waiting.get(number)
      if (!session || !reference?.held || !(reference.form & QOS_2)) return
      const { held } = reference
      reference.held = undefined
      reference.messageId = messageId
      session.bytes -= held.bytes
      session.relieved?.()
      const stored = session.isLasting
        ? storage.commit((unit) => progress.released(unit, session, number, messageId))
        : undefined
      kept.release(held) // its record goes with a later unit
      await stored
    },

    began(id: string, expiry: number, jti?: string): void {
      const session = open(id)
      session.stopClock?.()
      session.stopClock = undefined
      session.since = undefined
      session.jti = jti
      if (session.expiry === 0 && expiry === 0) return
      session.expiry ||= expiry // one that resumes with none ends with its connection, and stays on the disk until then
      recordSoon(session)
    },
    used(id: string, jti: string | undefined): void {
      const session = sessions.get(id)
      if (!session || session.jti === jti) return
      session.jti = jti
      if (session.isLasting) recordSoon(session, session.since)
    },
    ended(id: string, expiry: number): void {
      const session = sessions.get(id)
      if (!session) return
      if (expiry === 0) return end(session)
      session.expiry = expiry
      const since = Date.now()
      recordSoon(session, since)
      expire(session, since)
    },

    notes(id: string, messageId: number): void {
      const session = open(id)
      if (session.incoming.has(messageId)) return
      session.incoming.add(messageId)
      if (!session.isLasting) return
      storage.eventually((unit) => {
        if (session.incoming.has(messageId)) unit.put(received, [id, messageId], true)
      })
    },
    released(id: string, messageId: number): void {
      const session = sessions.get(id)
      if (!session?.incoming.delete(messageId) || !session.isLasting) return
      storage.eventually((unit) => unit.remove(received, [id, messageId]))
    },
    stop(): void {
      isClosed = true
      for (const session of sessions.values()) session.stopClock?.()
    },
  }

  function targetOf({ session, qos, retain, ids, shared }: MessageTarget): Target {
    const form = (qos === 2 ? QOS_2 : 0) | (retain ? RETAINED : 0) | (shared === undefined ? 0 : SHARED)
    return { queue: sessions.get(session) as Session, form, ids, shared }
  }
}

/** Not QoS 2, which is one client's for good [MQTT-4.8.2-5]. */
function isForAnother(form: number): boolean {
  return (form & SHARED) !== 0 && (form & QOS_2) === 0
}
