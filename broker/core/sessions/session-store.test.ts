import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import type { MessageTarget } from '../open-topics/receivers.ts'
import type { FromCore, WaitingMessage } from '../../seam/from-core.ts'
import { openLmdb } from '../../storage/lmdb.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Target } from '../kept/holders.ts'
import { keptRecord, ON_ALL, RELEASED, type KeptEvent } from '../kept/kept-record.ts'
import { openKept, type Kept } from '../kept/open-kept.ts'
import { acknowledge, waitingFor } from '../../../test/kept-sessions.ts'

const [alice, bob] = [userIdOf('alice'), userIdOf('bob')]
const LASTING = 1e9
const BOUNDS = {
  INBOX_EVENTS: 1_000,
  INBOX_AGE: 1e9,
  KEPT_BYTES_PER_USER: 1e9,
  MAX_KEPT_BYTES: 1e9,
  MAX_OFFLINE_EVENTS: 1_000,
  MAX_OFFLINE_BYTES: 1e9,
  MAX_SESSION_BYTES: 1e12,
}

let dir: string
let storage: Storage
let all: Kept
const faults: string[] = []
beforeEach(async () => {
  faults.length = 0
  dir = await mkdtemp(join(tmpdir(), 'sessions-'))
  await begins()
})
afterEach(async () => {
  await ends()
  await rm(dir, { recursive: true })
})

async function begins(bounds: Partial<typeof BOUNDS> = {}): Promise<void> {
  storage = openLmdb(join(dir, 'broker.lmdb'), (err) => faults.push((err as Error).message))
  all = await openKept(storage, { ...BOUNDS, ...bounds })
}
async function ends(): Promise<void> {
  all.sessions.stop()
  await all.inbox.close()
  await all.kept.close()
  await storage.close()
}
async function restarts(bounds?: Partial<typeof BOUNDS>): Promise<void> {
  await ends()
  await begins(bounds)
}
/** The same without what is stored only when a broker ends as it should. */
async function isKilled(): Promise<void> {
  all.sessions.stop()
  await all.inbox.close()
  await storage.close()
  await begins()
}

/** A session that lasts, and hears all events of its user. */
async function session(id: string, filter = `${id.slice(0, id.indexOf('/'))}_events`, qos: 1 | 2 = 1): Promise<void> {
  all.sessions.began(id, LASTING)
  all.sessions.subscribe(id, { topic: filter, qos })
  await all.sessions.keepSubscriptions(id)
}

/** An event happens to a user. Resolves with its number in their sessions. */
async function happens(user: typeof alice, body: object, more: Partial<KeptEvent> = {}): Promise<number> {
  let key = 0
  await storage.commit((unit) => {
    const targets: Target[] = []
    all.sessions.targets(targets, user, 'events', ON_ALL)
    const numbers = more.isInInbox === false ? [] : all.inbox.number([user])
    const told = {
      event: 'said',
      to: [user],
      numbers,
      isInInbox: true,
      body: Buffer.from(JSON.stringify(body)),
      ...more,
    }
    key = all.kept.keep(unit, { kind: 'event', at: 0, places: [], ...told }, targets)
  })
  return key + ON_ALL
}

const stored = (): number => [...storage.table('kept_events', keptRecord).entries()].length
/** What waits for a session, as it would get it. */
const waitingIn = (id: string): WaitingMessage[] => [...waitingFor(all.sessions, id).values()]
const numbersOf = (id: string): unknown[] =>
  waitingIn(id).map(({ payload }) => (JSON.parse(payload.toString()) as { n: number }).n)

test('an event of 100 KB is stored once for all sessions, and read when it is sent', async () => {
  for (let i = 0; i < 97; i++) await session(`alice/${i}`)
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed
  for (let n = 0; n < 40; n++) await happens(alice, { n, text: 'x'.repeat(100_000) })
  expect(stored()).toBe(40)
  expect((await stat(join(dir, 'broker.lmdb'))).size).toBeLessThan(40e6) // 388 MB, a copy for each
  await restarts()
  expect(process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before).toBeLessThan(50e6)
  const given: FromCore[] = []
  const ports = { toFront: (message: FromCore) => void given.push(message), pageBytes: 65_536 }
  for (let i = 0; i < 97; i++) all.sessions.feed(`alice/${i}`, i, 65_535, ports).wants()
  const atOnce = given.map((message) => (message.kind === 'kept' ? [message.messages.length, message.asksForMore] : []))
  expect(atOnce).toEqual(Array.from({ length: 97 }, () => [1, true])) // all come back at once: 10 MB, and not 388
  for (const id of ['alice/0', 'alice/96']) expect(numbersOf(id)).toEqual(Array.from({ length: 40 }, (_, n) => n))
  expect(all.kept.size.bytes).toBeLessThan(5e6)
})

test('what thousands of sessions have acknowledged is stored in several units', async () => {
  const sessions = Array.from({ length: 2_500 }, (_, i) => `user-${i}/phone`)
  for (const id of sessions) {
    all.sessions.began(id, LASTING)
    all.sessions.subscribe(id, { topic: `${id.slice(0, id.indexOf('/'))}_events`, qos: 1 })
  }
  const users = sessions.map((id) => userIdOf(id.slice(0, id.indexOf('/'))))
  let key = 0
  await storage.commit((unit) => {
    const targets: Target[] = []
    for (const user of users) all.sessions.targets(targets, user, 'events', ON_ALL)
    const told = { event: 'said', to: users, numbers: [], isInInbox: false, body: Buffer.from('{"n":1}') }
    key = all.kept.keep(unit, { kind: 'event', at: 0, places: [], ...told }, targets)
  })
  for (const user of users) all.kept.settle(user)
  const puts: number[] = []
  const commit = storage.commit.bind(storage)
  storage.commit = (write, options) =>
    commit((unit) => {
      const before = unit.put.bind(unit)
      puts.push(0)
      unit.put = (...one) => {
        puts[puts.length - 1]!++
        before(...one)
      }
      write(unit)
    }, options)
  for (const id of sessions) acknowledge(all.sessions, id, key + ON_ALL)
  while (storage.table('cursors').size < sessions.length) await new Promise((go) => void setTimeout(go, 5))
  expect(Math.max(...puts)).toBeLessThanOrEqual(1_000)
})

test('an event can be read in the turn in which it is stored', async () => {
  await session('alice/phone')
  for (let n = 0; n < 50; n++) {
    let read: unknown
    await storage.commit((unit) => {
      const targets: Target[] = []
      all.sessions.targets(targets, 'alice', 'events', ON_ALL)
      const body = Buffer.from(`{"n":${n}}`)
      const event = {
        kind: 'event' as const,
        at: 0,
        places: [],
        event: 'said',
        to: [alice],
        numbers: [],
        isInInbox: false,
        body,
      }
      const key = all.kept.keep(unit, event, targets)
      unit.afterwards(() => (read = all.kept.read(key)))
    })
    expect(read).toMatchObject({ event: 'said', to: [alice] })
  }
})

test('acknowledged messages are gone, in any order, and stay gone when the broker is killed; the record goes with the last reference', async () => {
  for (const id of ['alice/phone', 'alice/laptop']) await session(id)
  const numbers: number[] = []
  for (let n = 0; n < 10; n++) numbers.push(await happens(alice, { n }, { isInInbox: false }))
  const { sessions } = all
  acknowledge(sessions, 'alice/phone', ...[0, 1, 3, 7, 5, 9].map((n) => numbers[n]!))
  acknowledge(sessions, 'alice/laptop', ...[0, 2, 4, 6, 8].map((n) => numbers[n]!))
  await happens(bob, {}) // with which it is stored
  expect(stored()).toBe(10) // one is gone from both, and Bob has one in the inbox
  for (let times = 0; times < 2; times++) {
    expect(numbersOf('alice/phone')).toEqual([2, 4, 6, 8])
    expect(numbersOf('alice/laptop')).toEqual([1, 3, 5, 7, 9])
    expect(all.sessions.get('alice/phone')!.lastOfOld).toBe(times === 1 ? numbers[8] : 0)
    await isKilled()
  }
  acknowledge(all.sessions, 'alice/phone', ...[2, 4, 6, 8].map((n) => numbers[n]!))
  acknowledge(all.sessions, 'alice/laptop', ...[1, 3, 5, 7, 9].map((n) => numbers[n]!))
  await restarts()
  expect([numbersOf('alice/phone'), numbersOf('alice/laptop'), stored()]).toEqual([[], [], 1])
  await restarts()
  expect([...storage.table('steps').entries()]).toEqual([])
  expect(await happens(alice, {})).toBeGreaterThan(numbers[9]!)
})

test('a session that ends drops what waited for it; a new session of the same id gets none of that', async () => {
  await session('alice/phone')
  for (let n = 0; n < 5; n++) await happens(alice, { n }, { isInInbox: false })
  all.sessions.end('alice/phone')
  await session('alice/phone')
  await happens(alice, { n: 5 }, { isInInbox: false })
  expect(numbersOf('alice/phone')).toEqual([5])
  await isKilled()
  expect(numbersOf('alice/phone')).toEqual([5])
  await restarts()
  expect(stored()).toBe(1)
})

test('MAX_OFFLINE_BYTES counts all bytes of a kept event, correlation data included', async () => {
  await restarts({ MAX_OFFLINE_BYTES: 65_536 })
  await session('alice/phone')
  for (let n = 0; n < 20; n++) {
    await happens(alice, { n }, { isInInbox: false, answers: 'ask', correlation: Buffer.alloc(15_000) })
  }
  expect(numbersOf('alice/phone')).toEqual([16, 17, 18, 19])
  const { bytes } = all.sessions.get('alice/phone')!
  expect(bytes).toBeLessThanOrEqual(65_536)
  expect(bytes).toBeGreaterThan(4 * 15_000)
  const { size } = all.kept
  await restarts({ MAX_OFFLINE_BYTES: 65_536 })
  expect([all.sessions.get('alice/phone')!.bytes, all.kept.size]).toEqual([bytes, size])
  expect([numbersOf('alice/phone'), stored()]).toEqual([[16, 17, 18, 19], 4])
})

test('what one user holds in all sessions and the inbox is bounded and counted once', async () => {
  await restarts({ KEPT_BYTES_PER_USER: 100_000 })
  for (let i = 0; i < 5; i++) await session(`alice/${i}`)
  await session('bob/phone')
  await happens(bob, { n: 0 })
  for (let n = 0; n < 20; n++) await happens(alice, { n, text: 'x'.repeat(10_000) })
  expect(all.kept.bytesOf(alice)).toBeLessThanOrEqual(100_000)
  const left = Array.from({ length: 9 }, (_, i) => 11 + i)
  for (let i = 0; i < 5; i++) expect(numbersOf(`alice/${i}`)).toEqual(left)
  expect(all.inbox.after(alice, 11, { limit: 50, bytes: 1e6, mayRead: () => true })).toMatchObject({ recovered: true })
  expect(all.inbox.after(alice, 10, { limit: 50, bytes: 1e6, mayRead: () => true })).toMatchObject({ recovered: false })
  expect(numbersOf('bob/phone')).toEqual([0])
})

test('a QoS 2 message whose PUBREL is due takes no room and survives a restart', async () => {
  await session('alice/phone', '$open/a/#', 2)
  const [number] = await keepsMessage('a/b', [{ session: 'alice/phone', qos: 2, retain: false, ids: [3] }])
  expect(waitingIn('alice/phone')).toMatchObject([
    { topic: 'a/b', qos: 2, properties: { subscriptionIdentifier: [3] } },
  ])
  await all.sessions.has('alice/phone', { number: number!, messageId: 77 })
  expect(all.sessions.get('alice/phone')!.bytes).toBe(0)
  await isKilled()
  expect(all.sessions.get('alice/phone')!.inFlight).toEqual([{ number, messageId: 77 }])
  expect(all.sessions.get('alice/phone')!.waiting.form(number!)).toBe(RELEASED)
  await happens(bob, {})
  expect(stored()).toBe(1) // Bob's
  acknowledge(all.sessions, 'alice/phone', number!)
  await restarts()
  expect(all.sessions.get('alice/phone')!.waiting.size).toBe(0)
})

test('a message that waits behind a later one whose PUBREL is due survives two restarts', async () => {
  await session('alice/phone', '$open/a', 2)
  const target: MessageTarget = { session: 'alice/phone', qos: 2, retain: false, ids: [] }
  const [[first], [second]] = [await keepsMessage('a', [target]), await keepsMessage('a', [target])]
  await all.sessions.has('alice/phone', { number: second!, messageId: 77 })
  await restarts()
  const [third] = await keepsMessage('a', [target])
  expect(all.sessions.get('alice/phone')!.waiting.numbers).toEqual([first, second, third])
  acknowledge(all.sessions, 'alice/phone', third!)
  await restarts()
  expect(all.sessions.get('alice/phone')!.waiting.numbers).toEqual([first, second])
})

test('no key is used again after the last event has gone: an event that waits later survives another restart', async () => {
  await session('alice/phone')
  const acknowledged = await happens(alice, { n: 0 }, { isInInbox: false })
  acknowledge(all.sessions, 'alice/phone', acknowledged)
  await restarts()
  expect(stored()).toBe(0)
  expect(await happens(alice, { n: 1 }, { isInInbox: false })).toBeGreaterThan(acknowledged)
  await isKilled()
  expect(numbersOf('alice/phone')).toEqual([1])
})

test('an event that comes after others were forgotten is not one of them, although their records have gone', async () => {
  await happens(bob, {})
  await session('alice/phone')
  const forgotten = await happens(alice, { id: 'x' }, { isInInbox: false })
  await storage.commit((unit) => all.kept.forget(unit, { events: ['said'], field: 'id', value: 'x' }))
  acknowledge(all.sessions, 'alice/phone', forgotten)
  all.sessions.end('alice/phone')
  await restarts()
  await happens(alice, { id: 'x' })
  const missed = all.inbox.after(alice, 0, { limit: 10, bytes: 1e6, mayRead: () => true })
  expect(missed).toMatchObject({ recovered: true, events: [{ number: 1 }] })
})

async function keepsMessage(topic: string, to: MessageTarget[]): Promise<number[]> {
  let numbers: number[] = []
  await storage.commit((unit) => {
    numbers = all.sessions.keepMessage(unit, { topic, payload: Buffer.from('{"n":1}') }, to)
  })
  return numbers
}

test('a message is stored once for all sessions, and again for a session that also gets it by a shared subscription', async () => {
  for (const id of ['alice/phone', 'bob/phone']) await session(id, '$open/a')
  const [phone, bobs] = ['alice/phone', 'bob/phone'].map((id) => ({
    session: id,
    qos: 1 as const,
    retain: false,
    ids: [],
  }))
  const numbers = await keepsMessage('a', [phone!, bobs!, { ...phone!, shared: '$share/g/a' }])
  expect(numbers[0]).toBe(numbers[1])
  expect(stored()).toBe(2)
  for (let times = 0; times < 2; times++) {
    expect(waitingIn('alice/phone')).toMatchObject([{ topic: 'a' }, { topic: 'a', shared: '$share/g/a' }])
    expect(waitingIn('bob/phone')).toMatchObject([{ topic: 'a' }])
    await isKilled()
  }
  const left: unknown[] = []
  all.sessions.passesOn((messages) => left.push(...messages))
  all.sessions.end('alice/phone')
  expect(left).toMatchObject([{ topic: 'a', shared: '$share/g/a' }])
})

test('a torn record is reported with its place and what is lost; everything else is read', async () => {
  await session('alice/phone')
  for (let n = 0; n < 3; n++) await happens(alice, { n })
  await ends()
  storage = openLmdb(join(dir, 'broker.lmdb'))
  const raw = storage.table('kept_events', {
    holds: '',
    encode: (bytes: Buffer) => bytes,
    decode: (bytes: Buffer) => bytes,
  })
  const [, second] = [...raw.entries()]
  await storage.commit((unit) => unit.put(raw, second!.key, second!.value.subarray(0, -9)))
  await storage.close()
  await begins()
  const lost = 'an event that a session waits for, or that its receivers could have asked for is lost'
  const place = `record ${String(second!.key)} of table kept_events in ${join(dir, 'broker.lmdb')} is broken`
  expect(faults).toEqual([`${place} (its checksum is wrong) and was skipped: ${lost}`])
  expect(numbersOf('alice/phone')).toEqual([0, 2])
})

/** A generator of numbers below `below`, the same at each run. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

test.each([1, 2])(
  'after whatever happens each session has what it is to have, and nothing else is kept (%s)',
  async (seed) => {
    const next = numbersFrom(seed)
    const room = { MAX_OFFLINE_EVENTS: 12, INBOX_EVENTS: 15, KEPT_BYTES_PER_USER: 1e9 }
    await restarts(room)
    const ids = ['alice/a', 'alice/b', 'bob/a', 'bob/b']
    /** What waits for each, oldest first. */
    const model = new Map<string, { n: number; number: number }[]>()
    for (let n = 0; n < 500; n++) {
      const id = ids[next(ids.length)]!
      const waiting = model.get(id)
      const what = next(100)
      if (what < 3) {
        all.sessions.end(id)
        model.delete(id)
      } else if (what < 5) {
        await ends()
        await begins(room)
      } else if (!waiting) {
        await session(id)
        model.set(id, [])
      } else if (what < 55) {
        const gone = waiting.splice(next(Math.min(waiting.length, 4)), 1)[0]
        if (gone) acknowledge(all.sessions, id, gone.number)
      } else {
        const to = what < 80 ? [alice] : [alice, bob]
        let key = 0
        await storage.commit((unit) => {
          const targets: Target[] = []
          for (const user of to) all.sessions.targets(targets, user, 'events', ON_ALL)
          const isInInbox = what % 2 === 0
          const numbers = isInInbox ? all.inbox.number(to) : []
          const told = { event: 'said', to, numbers, isInInbox, body: Buffer.from(JSON.stringify({ n })) }
          key = all.kept.keep(unit, { kind: 'event', at: 0, places: [], ...told }, targets)
        })
        for (const [other, its] of model) {
          if (!to.some((user) => other.startsWith(`${user}/`))) continue
          its.push({ n, number: key + ON_ALL })
          if (its.length > room.MAX_OFFLINE_EVENTS) its.shift()
        }
      }
      for (const [other, its] of model) {
        expect(all.sessions.get(other)!.waiting.numbers).toEqual(its.map(({ number }) => number))
      }
    }
    for (const [id, its] of model) expect(numbersOf(id)).toEqual(its.map(({ n }) => n))
    await restarts(room)
    for (const [id, its] of model) expect(numbersOf(id)).toEqual(its.map(({ n }) => n))
    const found = new Set([...model.values()].flatMap((its) => its.map(({ n }) => n)))
    for (const user of [alice, bob]) {
      const { last } = all.inbox.after(user, 0, { limit: 1, bytes: 1e6, mayRead: () => true })
      const missed = all.inbox.after(user, last - 15, { limit: 50, bytes: 1e6, mayRead: () => true })
      const events = missed.recovered ? missed.events : []
      expect(events).toHaveLength(15)
      for (const { body } of events) found.add((JSON.parse(body.toString()) as { n: number }).n)
    }
    expect(all.kept.size.records).toBe(found.size)
    for (const id of ids) all.sessions.end(id)
    await restarts({ ...room, INBOX_AGE: 1 })
    for (let i = 0; i < 500 && stored() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10))
    expect([stored(), all.kept.size]).toEqual([0, { records: 0, bytes: 0 }])
    expect([all.kept.bytesOf(alice), all.kept.bytesOf(bob)]).toEqual([0, 0])
  },
)

/** Bytes of all sessions. */
const taken = (): number => all.sessions.fullness().used
const goes = (id: string): void => all.sessions.ended(id, LASTING)

test('beyond MAX_SESSION_BYTES the user with the most sessions without a connection loses their oldest', async () => {
  for (const id of ['bob/phone', 'alice/1', 'alice/2', 'alice/3', 'carol/phone']) await session(id)
  for (const id of ['bob/phone', 'alice/2', 'alice/1']) {
    goes(id)
    await new Promise((resolve) => setTimeout(resolve, 2)) // of the clock that orders them
  }
  const before = taken()
  await restarts({ MAX_SESSION_BYTES: before * 10 })
  expect(taken()).toBe(before)
  for (const id of ['alice/3', 'carol/phone']) all.sessions.began(id, LASTING) // which are connected again
  const left = (): string[] =>
    ['bob/phone', 'alice/1', 'alice/2', 'alice/3', 'carol/phone'].filter((id) => all.sessions.get(id) !== undefined)
  await restarts({ MAX_SESSION_BYTES: before - 1 })
  expect(left()).toEqual(['bob/phone', 'alice/1', 'alice/3', 'carol/phone'])
  expect(taken()).toBeLessThan(before)
})

test('a new session or subscription ends sessions without a connection, and is refused when there are none', async () => {
  await restarts({ MAX_SESSION_BYTES: 65_536 })
  const hears = (id: string, letters: number): boolean =>
    all.sessions.subscribe(id, { topic: `$open/${'x'.repeat(letters)}`, qos: 1 })
  // One user has a tenth.
  await session('alice/old')
  goes('alice/old')
  await session('alice/phone')
  expect(hears('alice/phone', 1_000)).toBe(true)
  expect(all.sessions.get('alice/old')).toBeUndefined()
  expect(hears('alice/phone', 1_001)).toBe(false)
  expect(taken()).toBeLessThan(6_554)
  expect(all.sessions.makeRoom('alice/tablet', alice, 100)).toBe('all')
  expect(all.sessions.makeRoom('alice/phone', alice, 100)).toBeUndefined() // it is there already
  all.sessions.unsubscribe('alice/phone', `$open/${'x'.repeat(1_000)}`)
  expect(all.sessions.makeRoom('alice/tablet', alice, 100)).toBeUndefined()
  // All users have it all.
  const users = Array.from({ length: 30 }, (_, i) => userIdOf(`user-${i}`))
  for (const user of users) {
    if (all.sessions.makeRoom(`${user}/phone`, user, 100)) break
    await session(`${user}/phone`)
  }
  expect(all.sessions.makeRoom('zoe/phone', userIdOf('zoe'), 100)).toBe('all')
  expect(taken()).toBeGreaterThan(0.9 * 65_536)
  goes('user-3/phone')
  expect(all.sessions.makeRoom('zoe/phone', userIdOf('zoe'), 100)).toBeUndefined()
  expect(all.sessions.get('user-3/phone')).toBeUndefined()
})

test('what sessions take is counted to the byte over subscriptions, message ids and ends', async () => {
  expect(taken()).toBe(0)
  await session('alice/phone')
  const [plain, filter] = [taken(), '$open/a/#']
  for (let i = 0; i < 3; i++) all.sessions.subscribe('alice/phone', { topic: filter, qos: 1 })
  all.sessions.unsubscribe('alice/phone', filter)
  all.sessions.unsubscribe('alice/phone', filter)
  expect(taken()).toBe(plain)
  for (const id of [7, 7, 8]) all.sessions.notes('alice/phone', id)
  const withIds = taken()
  expect(withIds).toBeGreaterThan(plain)
  await restarts()
  expect(taken()).toBe(withIds)
  for (const id of [7, 8, 9]) all.sessions.released('alice/phone', id)
  expect(taken()).toBe(plain)
  goes('alice/phone')
  all.sessions.began('alice/phone', LASTING)
  goes('alice/phone')
  all.sessions.end('alice/phone')
  expect(taken()).toBe(0)
})
