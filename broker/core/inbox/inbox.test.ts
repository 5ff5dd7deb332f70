import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { userIdOf, type UserId } from '../../../shared/wire/user-id.ts'
import type { Inbox, Page } from './inbox.ts'
import type { KeptEvents } from '../kept/kept-events.ts'
import { keptRecord } from '../kept/kept-record.ts'
import { openKept } from '../kept/open-kept.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { openLmdb } from '../../storage/lmdb.ts'
import type { Codec } from '../../storage/record.ts'
import type { Storage } from '../../storage/storage.ts'

const [alice, bob, carol] = [userIdOf('alice'), userIdOf('bob'), userIdOf('carol')]
const HOUR = 3_600_000
const BOUNDS = {
  INBOX_EVENTS: 100,
  INBOX_AGE: HOUR,
  KEPT_BYTES_PER_USER: 1_000_000,
  MAX_KEPT_BYTES: 1_000_000,
  MAX_OFFLINE_EVENTS: 100,
  MAX_OFFLINE_BYTES: 1_000_000,
  MAX_SESSION_BYTES: 1e12,
}
const now = Date.now

let dir: string
let storage: Storage
let kept: KeptEvents
let inbox: Inbox
let sessions: SessionStore
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'inbox-'))
  await begins()
})
afterEach(async () => {
  Date.now = now
  await ends()
  await rm(dir, { recursive: true })
})

async function ends(): Promise<void> {
  sessions.stop()
  await inbox.close()
  await kept.close()
  await storage.close()
}
/** The broker starts, on what it had before. */
async function begins(bounds: Partial<typeof BOUNDS> = {}, path = 'broker.lmdb'): Promise<void> {
  storage = openLmdb(join(dir, path))
  ;({ kept, inbox, sessions } = await openKept(storage, { ...BOUNDS, ...bounds }))
}
async function restarts(bounds?: Partial<typeof BOUNDS>, path?: string): Promise<void> {
  await ends()
  await begins(bounds, path)
}

/** An event is caused and stored; resolves with its numbers. */
async function happens(to: UserId[], event = 'said', body = '{}', end?: () => void): Promise<number[]> {
  let numbers: number[] = []
  await storage.commit((unit) => {
    numbers = inbox.number(to)
    kept.keep(
      unit,
      { kind: 'event', at: 0, places: [], to, numbers, isInInbox: true, event, body: Buffer.from(body) },
      [],
    )
    end?.()
  })
  return numbers
}
async function happenToAlice(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await happens([alice])
}

/** The numbers of what a user got after one, or what else he is told. */
function missed(user: UserId, since: number, page: Partial<Page> = {}) {
  const found = inbox.after(user, since, { limit: 1_000, bytes: 1_000_000, mayRead: () => true, ...page })
  return found.recovered ? found.events.map(({ number }) => number) : 'not recovered'
}
const stored = (): number => [...storage.table('kept_events', keptRecord).entries()].length
/** Resolves when so many records are on the disk. */
async function leaves(count: number): Promise<void> {
  for (let i = 0; i < 500 && stored() !== count; i++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(stored()).toBe(count)
}

test('numbers the events of each user 1, 2, 3, and returns them in order, with every byte', async () => {
  expect(await happens([alice], 'said', '{"n":"ä"}')).toEqual([1])
  expect(await happens([bob, alice], 'heard')).toEqual([1, 2])
  expect(await happens([alice], 'said')).toEqual([3])
  const page = { limit: 10, bytes: 1_000, mayRead: () => true }
  expect(inbox.after(alice, 0, page)).toEqual({
    recovered: true,
    last: 3,
    events: [
      { number: 1, event: 'said', body: Buffer.from('{"n":"ä"}') },
      { number: 2, event: 'heard', body: Buffer.from('{}') },
      { number: 3, event: 'said', body: Buffer.from('{}') },
    ],
    more: false,
  })
  expect(missed(alice, 2)).toEqual([3])
  expect(missed(alice, 3)).toEqual([])
  expect(missed(bob, 0)).toEqual([1])
  expect(stored()).toBe(3) // one each, however many get it
})

test('concurrent events are numbered in the order in which they are stored, and the last number is that of a stored one', async () => {
  const all = [happens([alice]), happens([alice, bob]), happens([alice])]
  expect(inbox.lastOf(alice)).toBe(0)
  expect(await Promise.all(all)).toEqual([[1], [2, 1], [3]])
  expect([inbox.lastOf(alice), inbox.lastOf(bob), inbox.lastOf(carol)]).toEqual([3, 1, 0])
  expect(missed(alice, 0)).toEqual([1, 2, 3])
})

test('does not recover from a number that was never given, or for an unknown user', async () => {
  await happens([alice])
  expect(missed(alice, 2)).toBe('not recovered')
  expect(missed(carol, 1)).toBe('not recovered')
  expect(missed(carol, 0)).toEqual([])
})

test('returns no more than was asked for, and says whether there is more', async () => {
  for (const size of [10, 1_000, 5_000, 10]) await happens([alice], 'said', JSON.stringify({ x: 'x'.repeat(size) }))
  await happens([alice], 'whispered')
  expect(missed(alice, 0, { limit: 2 })).toEqual([1, 2])
  expect(missed(alice, 0, { bytes: 2_000 })).toEqual([1, 2])
  expect(missed(alice, 2, { bytes: 2_000 })).toEqual([3]) // larger, and alone
  const page = { limit: 2, bytes: 10_000, mayRead: () => true }
  expect(inbox.after(alice, 2, page)).toMatchObject({ more: true })
  expect(inbox.after(alice, 3, page)).toMatchObject({ more: false })
  expect(missed(alice, 0, { mayRead: (event) => event === 'whispered', limit: 1 })).toEqual([5])
})

test('numbers, events and epoch survive a restart; another storage has another epoch', async () => {
  await happens([alice, bob])
  await happenToAlice(2)
  const { epoch } = inbox
  await restarts()
  expect(inbox.epoch).toBe(epoch)
  expect(missed(alice, 1)).toEqual([2, 3])
  expect(await happens([alice, bob, carol])).toEqual([4, 2, 1])
  await restarts({}, 'another.lmdb')
  expect(inbox.epoch).not.toBe(epoch)
  expect(inbox.lastOf(alice)).toBe(0)
})

test('keeps a bounded number of events per user, also over a restart; the disk keeps what others hold', async () => {
  await restarts({ INBOX_EVENTS: 3 })
  await happens([alice, bob])
  await happenToAlice(4)
  expect(missed(alice, 1)).toBe('not recovered')
  expect(missed(alice, 2)).toEqual([3, 4, 5])
  expect(missed(bob, 0)).toEqual([1])
  await leaves(4)
  for (const INBOX_EVENTS of [3, 100]) {
    await restarts({ INBOX_EVENTS })
    expect(missed(alice, 0)).toBe('not recovered') // number 1 is there, since Bob has it, and 2 is not
    expect(missed(alice, 2)).toEqual([3, 4, 5])
    expect(missed(bob, 0)).toEqual([1])
  }
})

test('bounds many concurrent events of a user who may keep few', async () => {
  await restarts({ INBOX_EVENTS: 2 })
  await Promise.all(Array.from({ length: 20 }, () => happens([alice])))
  await happens([alice])
  expect(inbox.lastOf(alice)).toBe(21)
  expect(missed(alice, 19)).toEqual([20, 21])
  expect(missed(alice, 18)).toBe('not recovered')
  await leaves(2)
})

test('an event beyond the bound reads nothing from the disk; numbers stay right however often the line is compacted', async () => {
  await ends()
  let reads = 0
  const opened = openLmdb(join(dir, 'counted.lmdb'))
  storage = {
    ...opened,
    table<Value>(name: string, codec?: Codec<Value>) {
      const table = opened.table(name, codec)
      const get: typeof table.get = (key) => {
        reads++
        return table.get(key)
      }
      return Object.assign(Object.create(table) as typeof table, { get })
    },
  }
  ;({ kept, inbox, sessions } = await openKept(storage, BOUNDS))
  await Promise.all(Array.from({ length: 100 }, () => happens([alice])))
  reads = 0
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 30 }, () => happens([alice])))
  expect(reads).toBe(0)
  expect(missed(alice, 600)).toEqual(Array.from({ length: 100 }, (_, i) => 601 + i))
  await leaves(100)
})

test('drops events that are too old, the oldest first; a user with none left keeps their number over restarts', async () => {
  await happens([alice, bob])
  await happens([alice])
  await happens([carol])
  Date.now = () => now() + HOUR / 2
  await happens([bob])
  Date.now = () => now() + HOUR + 10_000
  await leaves(1)
  expect(missed(bob, 1)).toEqual([2])
  expect([missed(bob, 0), missed(alice, 1), missed(alice, 2)]).toEqual(['not recovered', 'not recovered', []])
  await restarts()
  expect([inbox.lastOf(alice), inbox.lastOf(bob), inbox.lastOf(carol)]).toEqual([2, 2, 1])
  expect([missed(bob, 1), missed(bob, 0), missed(alice, 2)]).toEqual([[2], 'not recovered', []])
  await restarts() // and once more
  expect(await happens([alice, bob, carol])).toEqual([3, 3, 2])
  expect([missed(alice, 2), missed(alice, 1)]).toEqual([[3], 'not recovered'])
  await restarts()
  expect([missed(alice, 2), missed(alice, 1)]).toEqual([[3], 'not recovered'])
})

test('drops more than one turn may remove, events with many receivers included', async () => {
  const crowd = Array.from({ length: 200 }, (_, i) => userIdOf(`user${i}`))
  await Promise.all(Array.from({ length: 150 }, (_, i) => happens(i % 50 === 0 ? crowd : [alice])))
  Date.now = () => now() + 2 * HOUR
  await leaves(0)
  expect([inbox.lastOf(alice), inbox.lastOf(crowd[199]!)]).toEqual([147, 3])
})

test('keeps its order when the clock is set back, and does not keep events of the far future for ever', async () => {
  Date.now = () => now() + HOUR / 2
  await happens([alice])
  Date.now = now
  await happens([alice])
  await restarts()
  expect(await happens([alice])).toEqual([3])
  expect(missed(alice, 0)).toEqual([1, 2, 3])
  Date.now = () => now() - 2 * HOUR
  await leaves(0)
})

test('when everything is full, the user who holds the most loses their oldest, and others lose nothing', async () => {
  await restarts({ MAX_KEPT_BYTES: 100_000 })
  const body = JSON.stringify({ x: 'x'.repeat(5_000) })
  await happens([bob], 'said', body)
  for (let i = 0; i < 40; i++) await happens([alice], 'said', body)
  await leaves(18)
  expect(missed(bob, 0)).toEqual([1])
  expect(missed(alice, 23)).toHaveLength(17)
  expect(missed(alice, 22)).toBe('not recovered')
  await restarts({ MAX_KEPT_BYTES: 100_000 })
  expect([inbox.lastOf(bob), inbox.lastOf(alice)]).toEqual([1, 40])
  expect([missed(bob, 0), missed(alice, 22)]).toEqual([[1], 'not recovered'])
  expect(missed(alice, 23)).toHaveLength(17)
})

test('one user holds a bounded number of bytes, whatever others hold', async () => {
  await restarts({ KEPT_BYTES_PER_USER: 65_536 })
  const body = JSON.stringify({ x: 'x'.repeat(5_000) })
  for (let i = 0; i < 20; i++) await happens([alice], 'said', body)
  for (let i = 0; i < 5; i++) await happens([bob, carol], 'said', body)
  await leaves(17)
  expect(kept.bytesOf(alice)).toBeLessThanOrEqual(65_536)
  expect(missed(alice, 8)).toEqual([9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
  expect([missed(alice, 7), missed(bob, 0)]).toEqual(['not recovered', [1, 2, 3, 4, 5]])
})

/** From now on so many units cannot be stored. */
function diskIsFullFor(units: number): void {
  let left = units
  const commit = storage.commit.bind(storage)
  storage.commit = async (write, options) => {
    if (left-- <= 0) return commit(write, options)
    const undo: (() => void)[] = []
    write({ put: () => {}, remove: () => {}, afterwards: () => {}, otherwise: (call) => void undo.push(call) })
    await Promise.resolve()
    for (const call of undo) call()
    throw new Error('the disk is full')
  }
}

test('a unit that cannot be stored leaves a hole that hides no events', async () => {
  await happens([alice])
  diskIsFullFor(1)
  const after = [happens([alice, bob]).catch((err: Error) => err), happens([alice])]
  expect(await Promise.all(after)).toEqual([expect.any(Error), [3]])
  expect(missed(alice, 1)).toEqual([3])
  expect(missed(alice, 2)).toEqual([3])
  expect(inbox.lastOf(alice)).toBe(3)
  expect(inbox.lastOf(bob)).toBe(0)
  expect(await happens([bob])).toEqual([2])
  expect(missed(bob, 0)).toEqual([2])
  await restarts()
  expect([missed(alice, 0), missed(alice, 2)]).toEqual(['not recovered', [3]]) // a hole looks like a loss now
})

test('a removal that cannot be stored is made up for, and no user loses their number by it', async () => {
  await happens([alice, bob])
  await happenToAlice(2)
  diskIsFullFor(1)
  Date.now = () => now() + 2 * HOUR
  await leaves(0)
  await restarts()
  expect([inbox.lastOf(alice), inbox.lastOf(bob)]).toEqual([3, 1])
})

test('forgotten events are not returned, also after a restart; later events are', async () => {
  const body = '{"message_id":"m1","text":"secret"}'
  for (const event of ['said', 'heard']) await happens([alice, bob], event, body)
  await happens([alice], 'said', '{"message_id":"m2"}')
  await storage.commit((unit) => kept.forget(unit, { events: ['said'], field: 'message_id', value: 'm1' }))
  await happens([alice], 'said', body)
  expect([missed(alice, 0), missed(bob, 0)]).toEqual([[2, 3, 4], [2]])
  await restarts()
  expect([missed(alice, 0), missed(bob, 0)]).toEqual([[2, 3, 4], [2]])
})
