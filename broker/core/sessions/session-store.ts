import type { UserId } from '../../../shared/wire/user-id.ts'
import { firstOf } from '../../../shared/first-of.ts'
import { callAt } from '../../../shared/timer.ts'
import type { InFlight } from '../../seam/messages.ts'
import type { SessionMessage } from '../../seam/session-message.ts'
import { sessionOwner } from '../../seam/session.ts'
import type { Subscription } from '../../seam/subscription.ts'
import type { Storage } from '../../storage/storage.ts'
import { asSent } from '../kept/as-sent.ts'
import type { Box } from '../kept/box.ts'
import type { Holders, Queue, Target } from '../kept/holders.ts'
import type { KeptEvents } from '../kept/kept-events.ts'
import { ON_ALL, QOS_2, type KeptRecord } from '../kept/kept-record.ts'
import { Feed, type FeedPorts } from './feed.ts'
import type { StoredSession } from './connected-devices.ts'
import { keepingMessages } from './keeping-messages.ts'
import { Progress } from './progress.ts'
import { openReceived } from './received.ts'
import { Owners, sizeOf, sizeOfIds, sizeOfSession } from './owners.ts'
import { numberOf, SessionQueue, type SessionBounds } from './session-queue.ts'
import { isForAnother, sessionMessages } from './session-messages.ts'
import { openSessionRecords } from './session-records.ts'
import { Subscribers } from './subscribers.ts'

/** Messages that a client may leave unacknowledged; more if more may wait for it. */
const MAX_IN_FLIGHT = 1_000

interface Bounds extends SessionBounds {
  /** Bytes of all sessions with their subscriptions. */
  maxBytes: number
}

export type SessionStore = ReturnType<typeof openSessionStore>

/**
 * Sessions, their subscriptions and the events that wait for them. Memory holds references to events; sessions that outlive their
 * connection are also on the disk.
 */
export function openSessionStore(storage: Storage, kept: KeptEvents, bounds: Bounds) {
  const records = openSessionRecords(storage)
  const messages = sessionMessages(kept)
  const received = openReceived(storage)
  const progress = new Progress(storage)

  const sessions = new Map<string, Session>()
  const bySerial = new Map<number, Session>()
  const owners = new Owners<Session>(bounds.maxBytes, (session) => end(session))
  const subscribers = new Subscribers<Session>()
  /** Sessions whose progress is to be stored. */
  const changed = new Set<Session>()
  let lastSerial = 0
  let isClosed = false
  /** Receives the messages of shared subscriptions that an ended session leaves. */
  let passOn = (_left: SessionMessage[]): void => {}

  class Session extends SessionQueue implements Queue {
    receive(box: Box, key: number, { form, ids, shared }: Target, record: KeptRecord | undefined): void {
      if (sessions.get(this.id) !== this) {
        // The session has ended in the meantime.
        if (record && isForAnother(form)) passOn([asSent(record, this.owner, { form, ids, shared })])
        return
      }
      this.add(box, key, form)
      const number = numberOf(key, form)
      if (record === undefined) this.lastOfOld = number
      if (this.isLasting) this.last = Math.max(this.last, number)
      kept.hold(box, key)
      while (this.isOver(bounds)) forget(this, this.first!)
    }
  }

  const create = (id: string, serial: number, expiry: number): Session => {
    const session = new Session(id, serial, expiry)
    sessions.set(id, session)
    bySerial.set(serial, session)
    owners.add(session)
    return session
  }
  /** @param ifRoom only if there is room; returns false when there is none */
  const subscribe = (session: Session, sub: Subscription, ifRoom = false): boolean => {
    const before = session.subscriptions.get(sub.topic)
    const more = sizeOf(sub) - (before ? sizeOf(before) : 0)
    if (ifRoom && more > 0 && !owners.makeRoom(session.owner, more, session)) return false
    subscribers.add(session, sub)
    owners.grew(session, more)
    return true
  }
  const open = (id: string): Session => sessions.get(id) ?? create(id, ++lastSerial, 0)
  const recordSoon = (session: Session, since?: number): void => {
    storage.eventually((unit) => {
      if (sessions.get(session.id) === session) records.put(unit, session, since)
    })
  }
  /** Stores a session's progress with the next unit. */
  const change = (session: Session): void => {
    changed.add(session)
    kept.changed()
  }
  const forget = (session: Session, number: number): void => {
    if (!session.waiting.has(number)) return
    const key = session.remove(number)
    if (key !== undefined) kept.release(session.box!, key)
    session.relieved?.()
    if (!session.isLasting) return
    if (number > session.cursor) session.skipped.push(number)
    change(session)
  }
  /** Ends a session and drops what waits for it. */
  const end = (session: Session): void => {
    const { id, serial } = session
    session.stopClock?.()
    session.relieved?.()
    for (const filter of session.subscriptions.keys()) subscribers.remove(session, filter)
    sessions.delete(id)
    bySerial.delete(serial)
    changed.delete(session)
    owners.remove(session)
    const left = messages.forAnother(session)
    for (const number of session.waiting.numbers) {
      const key = session.remove(number)
      if (key !== undefined) kept.release(session.box!, key)
    }
    if (left.length > 0) passOn(left)
    if (session.expiry === 0) return
    storage.eventually((unit) => {
      const now = sessions.get(id) // a new session with the same id, if this unit is retried
      if (!now) records.remove(unit, id)
      progress.remove(unit, session)
      received.remove(unit, session, now)
    })
  }
  const expire = (session: Session, since: number): void => {
    owners.isAway(session, since)
    if (isClosed) return
    session.stopClock = callAt(since + session.expiry, () => {
      if (sessions.get(session.id) === session) end(session)
    })
  }
  /** Bounds clients without a Receive Maximum. */
  const maxInFlight = Math.max(bounds.maxWaiting, MAX_IN_FLIGHT)

  for (const { key, value } of records.entries()) {
    const session = create(String(key), value.serial, value.expiry)
    lastSerial = Math.max(lastSerial, value.serial)
    session.jti = value.jti
    for (const sub of value.subscriptions) subscribe(session, sub)
    expire(session, value.since ?? Date.now())
  }
  received.restore(sessions)
  for (const session of sessions.values()) owners.grew(session, sizeOfIds(session.incoming.size))
  /** Each session's progress when the last broker ended. */
  const before = progress.read(bySerial)

  const holders: Holders['sessions'] = {
    lastNumber: before.last,
    queueOf(serial, key, form) {
      lastSerial = Math.max(lastSerial, serial) // perhaps of a session that has ended
      const session = bySerial.get(serial)
      return session && before.waits(session, numberOf(key, form)) ? session : undefined
    },
    lose(box, key) {
      for (const session of owners.of(box.user)) {
        forget(session, key)
        forget(session, key + ON_ALL)
      }
    },
    tidy(unit, most) {
      if (changed.size === 0) return false
      const some = firstOf(changed, most)
      for (const session of some) {
        changed.delete(session)
        progress.store(unit, session)
      }
      unit.otherwise(() => {
        for (const session of some) if (sessions.get(session.id) === session) changed.add(session)
      })
      return changed.size > 0
    },
  }

  return {
    holders,
    /** Called once all kept records have been given to their holders. */
    opened(): void {
      before.forget()
      owners.makeRoom('', 0) // the bound may be lower than before
    },
    fullness: () => owners.fullness(),
    get count() {
      return sessions.size
    },

    get: (id: string) => sessions.get(id),
    /** What a user's sessions hold. `since`: when the connection ended, in milliseconds since 1970. */
    ofUser: (user: UserId) =>
      [...owners.of(user)].map(({ id, jti, since, waiting, bytes, subscriptions }) => ({
        client: sessionOwner(id).client,
        jti,
        since,
        waiting: waiting.size,
        waiting_bytes: bytes,
        subscriptions: subscriptions.size,
      })),
    open,
    end(id: string): void {
      const session = sessions.get(id)
      if (session) end(session)
    },
    /** Returns false when the sessions of this user, or of all, have no room for the subscription. */
    subscribe: (id: string, sub: Subscription): boolean => subscribe(open(id), sub, true),
    unsubscribe(id: string, filter: string): void {
      const session = sessions.get(id)
      const before = session?.subscriptions.get(filter)
      if (!before) return
      owners.grew(session!, -sizeOf(before))
      subscribers.remove(session!, filter)
    },
    async keepSubscriptions(id: string): Promise<void> {
      const session = sessions.get(id)
      if (session?.isLasting) await storage.commit((unit) => records.put(unit, session))
    },
    openTo: (topic: string, sender: string, isHere: (session: string) => boolean) =>
      subscribers.openTo(topic, sender, isHere),
    memberOf: (shared: string, isHere: (session: string) => boolean) => subscribers.memberOf(shared, isHere),
    passesOn(to: (left: SessionMessage[]) => void): void {
      passOn = to
    },

    /**
     * Makes room for a session, so that its user has at most `max`: ends their oldest sessions without a connection. Returns what
     * is full when there is none.
     */
    makeRoom(id: string, user: UserId, max: number): 'user' | 'all' | undefined {
      const session = sessions.get(id)
      const others = [...owners.of(user)].filter((one) => one !== session)
      const over = others.length - max + 1
      const away = others.filter(({ since }) => since !== undefined).toSorted((a, b) => a.since! - b.since!)
      if (away.length < over) return 'user'
      for (const one of away.slice(0, Math.max(over, 0))) end(one)
      return session || owners.makeRoom(user, sizeOfSession(id)) ? undefined : 'all'
    },
    /** Ends matching sessions without a connection and drops what waits for them. Returns their ids. */
    dropAway(isMeant: (session: StoredSession) => boolean, user?: UserId): string[] {
      const all = [...(user === undefined ? sessions.values() : owners.of(user))]
      const meant = all.filter(({ id, since, jti }) => since !== undefined && isMeant({ ...sessionOwner(id), jti }))
      for (const session of meant) end(session)
      return meant.map(({ id }) => id)
    },

    targets: (to: Target[], user: string, event: string, form: number, onlyTo?: string) =>
      subscribers.targets(to, user, event, form, onlyTo),
    keepMessage: keepingMessages(kept, (id) => sessions.get(id)!),

    /** A feed of what waits in a session to its connection. `window`: messages that the client accepts unacknowledged. */
    feed(id: string, connection: number, window: number, ports: Pick<FeedPorts, 'toFront' | 'pageBytes'>): Feed {
      return new Feed(connection, open(id), Math.min(window, maxInFlight), { ...ports, message: messages.now, forget })
    },
    /** Resolves when the client's PUBREC for a QoS 2 message is on the disk, so that the PUBREL may go out. */
    async has(id: string, { number, messageId }: InFlight): Promise<void> {
      const session = sessions.get(id)
      const form = session?.waiting.form(number)
      if (!session || form === undefined || !(form & QOS_2)) return
      const key = session.release(number, messageId)!
      session.relieved?.()
      const stored = session.isLasting
        ? storage.commit((unit) => progress.released(unit, session, number, messageId))
        : undefined
      kept.release(session.box!, key) // a later unit removes its record
      await stored
    },

    began(id: string, expiry: number, jti?: string): void {
      const session = open(id)
      session.stopClock?.()
      session.stopClock = undefined
      owners.isAway(session, undefined)
      session.jti = jti
      if (session.expiry === 0 && expiry === 0) return
      session.expiry ||= expiry // a session that resumes with expiry 0 stays on the disk until its connection ends
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
      const before = session.incoming.size
      received.note(session, messageId)
      owners.grew(session, sizeOfIds(session.incoming.size - before))
    },
    released(id: string, messageId: number): void {
      const session = sessions.get(id)
      if (!session) return
      const before = session.incoming.size
      received.release(session, messageId)
      owners.grew(session, sizeOfIds(session.incoming.size - before))
    },
    stop(): void {
      isClosed = true
      for (const session of sessions.values()) session.stopClock?.()
    },
  }
}
