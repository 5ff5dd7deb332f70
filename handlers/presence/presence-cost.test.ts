import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { pairKey, PAIRS, type PairRecord } from '../shared/contact-pairs.ts'
import { PRESENCE, type PresenceRecord } from '../shared/presence-state.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import type { Store } from '../../shared/store/documents.ts'
import { userIdOf, type UserId } from '../../shared/wire/user-id.ts'
import { atATime } from '../../test/at-a-time.ts'
import { countingStore } from '../../test/counting-store.ts'
import { ownData, type OwnData } from '../../test/own-data.ts'
import { presenceBook } from './presence-book.ts'

const mallory = userIdOf('mallory')
/** Users whose ids sort before and after Mallory's. */
const person = (n: number): UserId => userIdOf(`${n % 2 === 0 ? 'a' : 'z'}-${String(n).padStart(4, '0')}`)
const PEOPLE = 1_500

let data: OwnData
let store: Store
let read: () => number
let calls: () => number
beforeEach(async () => {
  data = await ownData()
  ;({ store, read, calls } = countingStore(await data.store()))
})
afterEach(() => data.close())

async function befriend(user: UserId, other: UserId): Promise<void> {
  const [low, high] = [user, other].sort() as [UserId, UserId]
  const side = { sees: 'contact', blocks: false } as const
  const pair = { _id: pairKey(low, high), low, high, low_side: side, high_side: side }
  const listed = { ...pair, low_list: 'contacts', high_list: 'contacts' }
  await store.collection<PairRecord>(PAIRS).insert(listed)
}

async function comes(_id: UserId): Promise<void> {
  const state = { _id, online: true, status: 'available', shown: true, recent: [] } as const
  await store.collection<PresenceRecord>(PRESENCE).insert(state)
}

async function each(work: (n: number) => Promise<void>): Promise<void> {
  await atATime(50, Array(PEOPLE).keys(), work)
}

async function pages(access: 'contacts' | 'everyone', limit: number): Promise<{ users: UserId[]; most: number }> {
  const book = presenceBook(store, handlerSettings(readConfig({ ACCESS: access })))
  const users: UserId[] = []
  let [most, cursor]: [number, UserId | undefined] = [0, undefined]
  do {
    const before = read()
    const page = await book.active(mallory, cursor, limit)
    most = Math.max(most, read() - before)
    users.push(...page.users.map(({ user_id }) => user_id))
    cursor = page.cursor
  } while (cursor !== undefined)
  return { users, most }
}

test('a page of online users reads at most 1,000 contacts, however many are offline, and misses nobody', async () => {
  await each((n) => befriend(mallory, person(n)))
  const there = [0, 1, 2, 998, 999, 1_497, 1_499].map(person)
  for (const one of there) await comes(one)
  const { users, most } = await pages('contacts', 2)
  expect(users).toEqual(there.toSorted())
  expect(most).toBeLessThanOrEqual(2 * 1_000 + 400) // each contact and their state, and the rest of two pages
})

test('contacts and their presence are read many at a time', async () => {
  await each((n) => befriend(mallory, person(n)))
  const book = presenceBook(store, handlerSettings(readConfig({})))
  let before = calls()
  expect(await book.watchers(mallory)).toHaveLength(PEOPLE)
  expect(calls() - before).toBeLessThanOrEqual(4) // 500 contacts at a time, of those before and behind her
  before = calls()
  await book.active(mallory, undefined, 50)
  expect(calls() - before).toBeLessThanOrEqual(1_000 / 50 + 1_000 / 200 + 1)
})

test('a page of online users reads no contacts beyond those that it shows', async () => {
  await each((n) => befriend(mallory, person(n)))
  await each((n) => comes(person(n)))
  const { users, most } = await pages('contacts', 20)
  expect(users).toHaveLength(PEOPLE)
  expect(most).toBeLessThanOrEqual(400 + 50)
})

test('with ACCESS=everyone a change reaches the contacts, and the first 1,000 of 1,500 others who are online', async () => {
  const book = presenceBook(store, handlerSettings(readConfig({ ACCESS: 'everyone' })))
  await each((n) => comes(person(n)))
  const zoe = userIdOf('zoe')
  await befriend(mallory, zoe)
  const there = Array.from({ length: PEOPLE }, (_, n) => person(n)).toSorted()
  const before = read()
  expect(new Set(await book.watchers(mallory))).toEqual(new Set([zoe, ...there.slice(0, 1_000)]))
  expect(read() - before).toBe(1 + 1_000 + 1_000) // the contact; the others, and her relation to each
  const { users, most } = await pages('everyone', 50)
  expect(users).toHaveLength(PEOPLE)
  expect(most).toBeLessThanOrEqual(4 * 50)
})
