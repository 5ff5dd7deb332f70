import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import type { Document, Store } from '../../shared/store/documents.ts'
import { Unavailable } from '../../shared/wire/refusal.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { ownData, type OwnData } from '../../test/own-data.ts'
import { profileBook } from './profile-book.ts'

const SETTINGS = handlerSettings(readConfig({ ACCESS: 'everyone' }))
const TERMS = {
  name: 'profile_terms',
  indexes: { by_term: { fields: ['kind', 'term', 'user'] }, by_user: { fields: ['user'] } },
}
const NAMES = ['Strauß', 'Jean-Luc', '李小龍', 'राम', 'Bob']

let data: OwnData
let store: Store
beforeEach(async () => {
  data = await ownData()
  store = await data.store()
})
afterEach(() => data.close())

const open = async () => profileBook(await data.store(), SETTINGS)
const found = async (book: ReturnType<typeof profileBook>, q: string): Promise<string[]> =>
  (await book.search(q, undefined, 50)).profiles.map(({ user_id }) => user_id)

/** Tries again, as the runtime does, while a busy store rejects with `Unavailable`. */
async function untilThere(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await work()
    } catch (err) {
      if (!(err instanceof Unavailable)) throw err
    }
  }
}

/** Stores profiles and their terms as the first version did. */
async function storeAsBefore(count: number): Promise<void> {
  const profiles = store.collection<Document & Record<string, unknown>>({ name: 'profiles' })
  const terms = store.collection<Document & Record<string, unknown>>(TERMS)
  const all = Array.from({ length: count }, async (_, i) => {
    const [user, name] = [`u${i}`, `${NAMES[i % NAMES.length]}`]
    const folded = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
    await profiles.insert({ _id: user, fields: { name }, order: 1 })
    for (const term of folded.match(/[\p{L}\p{N}]+/gu) ?? []) {
      for (const kind of ['word', 'rest']) await terms.insert({ _id: `${kind} ${term} ${user}`, kind, term, user })
    }
  })
  await Promise.all(all)
}

test('folds names of an older version again, in several processes at once', async () => {
  await storeAsBefore(40)
  const books = [await open(), await open()]
  await Promise.all([
    ...books.map((book) => untilThere(() => book.prepare())),
    untilThere(() => books[0]!.change(userIdOf('u0'), { name: 'Ægir' }, { order: 2 })),
  ])
  const later = await open()
  await later.prepare()
  for (const book of [...books, later]) {
    expect(await found(book, 'strauss')).toHaveLength(7)
    expect(await found(book, 'aegir')).toEqual(['u0'])
    expect(await found(book, 'jeanluc')).toHaveLength(8)
    expect(await found(book, '小龍')).toHaveLength(8)
    expect(await found(book, 'राम')).toHaveLength(8)
    expect(await found(book, 'रम')).toEqual([]) // its old term
    expect(await found(book, 'bob')).toHaveLength(8)
  }
})

test('continues an interrupted folding at the next start', async () => {
  await storeAsBefore(10)
  const terms = store.collection<Document & { user: string }>(TERMS)
  const book = await open()
  await book.change(userIdOf('u0'), { name: 'Strauß' }, { order: 2 }) // as far as the first run came
  expect(await terms.get('folding')).toBeUndefined()
  await (await open()).prepare()
  expect(await found(book, 'strauss')).toEqual(['u0', 'u5'])
  expect(await terms.get('folding')).toBeDefined()
})
