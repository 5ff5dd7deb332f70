import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Store } from '../../shared/store/documents.ts'
import { Refusal } from '../../shared/wire/refusal.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { ownData, type OwnData } from '../../test/own-data.ts'
import { turnBook } from './turn-book.ts'

const [ALICE, BOB] = [userIdOf('alice'), userIdOf('bob')]
const HOUR = 3_600_000
let data: OwnData
let stores: Store[]
let now: number
beforeEach(async () => {
  data = await ownData()
  stores = [await data.store(), await data.store()]
  now = 1_800_000_000_500
})
afterEach(() => data.close())

/** A book on one of two store connections, as in two processes. */
const book = (perHour: number, store = stores[0]!) => turnBook(store, perHour, () => now)

/** Milliseconds that the user must wait; 0 when the credentials were given. */
async function waits(given: Promise<unknown>): Promise<number> {
  try {
    await given
    return 0
  } catch (err) {
    if (err instanceof Refusal && err.code === 'rate_limited') return err.retryAfterMs!
    throw err
  }
}

test('the lifetime begins when the command runs', async () => {
  expect(await book(1).expiryOf(ALICE, 'c1', 600)).toEqual({ expiry: 1_800_000_600, ttl: 600 })
})

test('a redelivered command keeps its expiry, counts once, and gets the seconds that are left', async () => {
  const first = await book(1).expiryOf(ALICE, 'c1', 600)
  now += 20_000
  const again = await book(1, stores[1]).expiryOf(ALICE, 'c1', 600)
  expect(again).toEqual({ expiry: first.expiry, ttl: 580 })
})

test('when too little is left for a redelivered command, its lifetime begins anew, and it still counts once', async () => {
  await book(2).expiryOf(ALICE, 'c1', 600)
  now += 541_000
  expect(await book(2).expiryOf(ALICE, 'c1', 600)).toEqual({ expiry: 1_800_001_141, ttl: 600 })
  expect(await waits(book(2).expiryOf(ALICE, 'c2', 600))).toBe(0)
  expect(await waits(book(2).expiryOf(ALICE, 'c3', 600))).toBeGreaterThan(0)
})

test('beyond the hourly share a user waits until the oldest credentials are an hour old; others do not wait', async () => {
  await book(2).expiryOf(ALICE, 'c1', 60)
  now += 1_000
  await book(2).expiryOf(ALICE, 'c2', 60)
  now += 1_000
  expect(await waits(book(2).expiryOf(ALICE, 'c3', 60))).toBe(HOUR - 2_000)
  expect(await waits(book(2).expiryOf(BOB, 'c4', 60))).toBe(0)
  now += HOUR - 2_001
  expect(await waits(book(2).expiryOf(ALICE, 'c3', 60))).toBe(1)
  now += 1
  expect(await waits(book(2).expiryOf(ALICE, 'c3', 60))).toBe(0)
  expect(await waits(book(2).expiryOf(ALICE, 'c5', 60))).toBe(1_000) // c2 came a second after c1
})

test('a smaller share takes effect at once', async () => {
  for (const id of ['c1', 'c2', 'c3']) {
    await book(3).expiryOf(ALICE, id, 60)
    now += 1_000
  }
  expect(await waits(book(1).expiryOf(ALICE, 'c4', 60))).toBe(HOUR - 1_000) // until the last of the three is gone
})

test('an entry from a clock that was ahead does not count', async () => {
  now += 10 * HOUR
  await book(1).expiryOf(ALICE, 'c1', 60)
  now -= 10 * HOUR
  expect(await waits(book(1).expiryOf(ALICE, 'c2', 60))).toBe(0)
})

test('processes that issue at the same time issue no more than the share, and store no more', async () => {
  const asked = Array.from({ length: 40 }, (_, i) => waits(book(7, stores[i % 2]).expiryOf(ALICE, `c${i}`, 60)))
  expect((await Promise.all(asked)).filter((ms) => ms === 0)).toHaveLength(7)
  const kept = await stores[0]!
    .collection<{ _id: string; given: unknown[] }>({ name: 'turn_credentials_given' })
    .get(ALICE)
  expect(kept!.given).toHaveLength(7)
})
