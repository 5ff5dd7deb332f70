import type { Forgotten } from '../../shared/wire/done.ts'
import { parseJsonObject } from '../../shared/wire/json.ts'
import { ALL_EVENTS, eventTopic } from '../../shared/wire/topic.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { MessageProperties, SessionMessage } from '../seam/session-message.ts'
import { isOpenTopic } from '../seam/topic-filter.ts'
import { sessionOwner } from '../seam/session.ts'
import type { Key, Storage, Table, Unit } from '../storage/storage.ts'
import { inboxRecord } from './format-2-inbox.ts'
import { inSteps, moveSome } from './format-steps.ts'
import { keptRecord, ON_ALL, QOS_2, RETAINED, SHARED, type KeptRecord, type Place } from './kept/kept-record.ts'

/** A session; sessions have serial numbers since format 3. */
interface SessionRecord {
  serial?: number
}

/** A copy of an event or message that waited for one session. The QoS is 1 if none is given. */
type Copy = Pick<SessionMessage, 'topic' | 'payload' | 'answers' | 'shared' | 'messageExpiry'> & {
  properties?: Omit<MessageProperties, 'subscriptionIdentifier'> & { subscriptionIdentifier?: number | number[] }
  qos?: 1 | 2
  retain?: boolean
  /** The message id, once the client has the message and its PUBREL is due. */
  released?: number
}

/** Keys of inbox events are doubled. The keys of sessions' copies follow after this base: base + 2 × number. */
export const KEPT_BASE = 'kept_base'

/** Merges all copies of an event that waited for sessions into one record. Returns how many copies and inbox events were moved. */
export async function moveKept(storage: Storage, atOnce: number): Promise<number> {
  const meta = storage.table<number>('meta')
  const inbox = storage.table('kept', inboxRecord)
  let base = meta.get(KEPT_BASE)
  if (base === undefined) {
    let last = 0
    for (const { key } of inbox.entries()) last = Number(key)
    base = 2 * (last + 1)
    await storage.commit((unit) => {
      unit.put(meta, KEPT_BASE, base!)
      moveForgotten(storage, unit)
    })
  }
  await numberSessions(storage, atOnce)
  const records = storage.table('kept_events', keptRecord)
  const moved = await inSteps(storage, atOnce, (unit) =>
    moveSome(inbox.entries(), atOnce, ({ key, value }) => {
      unit.put(records, 2 * Number(key), { kind: 'event', ...value, isInInbox: true, places: [] })
      unit.remove(inbox, key)
    }),
  )
  return moved + (await moveCopies(storage, records, base, atOnce))
}

function moveForgotten(storage: Storage, unit: Unit): void {
  const forgotten = storage.table<{ upTo: number }>('inbox_forgotten')
  for (const { key, value } of forgotten.entries()) unit.put(forgotten, key, { ...value, upTo: 2 * value.upTo })
}

async function numberSessions(storage: Storage, atOnce: number): Promise<void> {
  const sessions = storage.table<SessionRecord>('sessions')
  let last = 0
  for (const { value } of sessions.entries()) last = Math.max(last, value.serial ?? 0)
  const unnumbered = [...sessions.entries()].filter(({ value }) => value.serial === undefined).map(({ key }) => key)
  await inSteps(storage, atOnce, (unit) =>
    moveSome(unnumbered.splice(0, atOnce), atOnce, (key) =>
      unit.put(sessions, key, { ...sessions.get(key)!, serial: ++last }),
    ),
  )
}

async function moveCopies(storage: Storage, records: Table<KeptRecord>, base: number, atOnce: number): Promise<number> {
  const copies = storage.table<Copy>('events')
  const sessions = storage.table<SessionRecord>('sessions')
  const steps = storage.table<number>('steps')
  const isForgotten = lookForForgotten(storage, records, base)
  return inSteps(storage, atOnce, (unit) => {
    const made = new Map<number, KeptRecord>()
    const count = moveSome(copies.entries(), atOnce, ({ key, value }) => {
      unit.remove(copies, key)
      const [id, number] = key as [string, number]
      const session = sessions.get(id)?.serial
      if (session === undefined) return // the session has ended
      const to = base + 2 * number
      if (value.released !== undefined) return unit.put(steps, [String(session), to], value.released)
      const { user } = sessionOwner(id)
      const record = made.get(to) ?? records.get(to) ?? recordOf(user, value)
      const place = placeOf(session, user, value)
      if (!isForgotten(record)) made.set(to, { ...record, places: [...record.places, place] })
    })
    for (const [key, record] of made) unit.put(records, key, record)
    return count
  })
}

function placeOf(session: number, user: UserId, { topic, qos, retain, shared, properties = {} }: Copy): Place {
  const isOnAll = topic === eventTopic(user, ALL_EVENTS)
  const form = (isOnAll ? ON_ALL : 0) | (qos === 2 ? QOS_2 : 0) | (retain ? RETAINED : 0) | (shared ? SHARED : 0)
  return { session, form, ids: [properties.subscriptionIdentifier ?? []].flat(), shared }
}

function recordOf(user: UserId, copy: Copy): KeptRecord {
  const { topic, payload, messageExpiry: expiresAt, answers, properties = {} } = copy
  const { subscriptionIdentifier: _theirs, ...rest } = properties
  const kept = { at: Date.now(), places: [], ...(expiresAt !== undefined && { expiresAt }) }
  const message = { kind: 'message' as const, ...kept, topic, payload, properties: rest }
  if (isOpenTopic(topic)) return message
  const [head = '', named, number] =
    /^\{(?:"event":"(\w+)",)?(?:"event_seq":(\d+),)?/.exec(payload.toString('latin1')) ?? []
  const isOnAll = topic === eventTopic(user, ALL_EVENTS)
  if (head === '' || (isOnAll && named === undefined)) return message
  return {
    kind: 'event',
    ...kept,
    event: named ?? topic.slice(user.length + 1),
    to: [user],
    numbers: number === undefined ? [] : [Number(number)],
    isInInbox: false,
    answers: answers?.command,
    re: answers?.re,
    correlation: rest.correlationData,
    responseTopic: named !== undefined && !isOnAll ? topic : undefined,
    body: Buffer.concat([Buffer.from('{'), payload.subarray(head.length)]),
  }
}

/** Finds copies of forgotten events: sessions of format 2 did not know about those. */
function lookForForgotten(storage: Storage, records: Table<KeptRecord>, base: number) {
  const entries = [...storage.table<Forgotten & { upTo: number }>('inbox_forgotten').entries()].map(
    ({ value }) => value,
  )
  return (record: KeptRecord): boolean => {
    if (entries.length === 0 || record.kind !== 'event') return false
    const fields = parseJsonObject(record.body)
    return entries.some(
      ({ events, field, value, upTo }) =>
        events.includes(record.event) && fields[field] === value && keyOf(records, base, record) <= upTo,
    )
  }
}

/** The key of an event in its receiver's inbox; 0 when it has gone from there. */
function keyOf(
  records: Table<KeptRecord>,
  base: number,
  { to: [user], numbers: [number] }: Extract<KeptRecord, { kind: 'event' }>,
): Key & number {
  for (const { key, value } of records.entries()) {
    if (Number(key) >= base) break
    if (value.kind === 'event' && value.to.some((one, i) => one === user && value.numbers[i] === number))
      return Number(key)
  }
  return 0
}
