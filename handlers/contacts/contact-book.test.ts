import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import { userIdOf, type UserId } from '../../shared/wire/user-id.ts'
import { pairKey, relationBook, PAIRS, type PairRecord } from '../shared/contact-pairs.ts'
import { atATime } from '../../test/at-a-time.ts'
import { countingStore } from '../../test/counting-store.ts'
import { ownData, type OwnData } from '../../test/own-data.ts'
import { contactBook, type ContactBook } from './contact-book.ts'
import { FIRST_PAGE } from './list-page.ts'

const [alice, bob, mallory] = [userIdOf('alice'), userIdOf('bob'), userIdOf('mallory')]
const SETTINGS = handlerSettings(readConfig({ ACCESS: 'contacts' }))

let data: OwnData
let contacts: ContactBook

async function anotherProcess(): Promise<ContactBook> {
  return contactBook(await data.store())
}

/** A command by its number: the same one each time. */
const same = (order: number) => ({ id: `command ${order}`, order, at: new Date(order) })
let last = 100
const next = () => same(++last)

beforeEach(async () => {
  data = await ownData()
  contacts = await anotherProcess()
})
afterEach(() => data.close())

test('lists a pending request with its note for both, and a contact without the note', async () => {
  expect(await contacts.request(alice, bob, 'we met in Rome', same(1))).toBe('asked')
  const asked = { state: 'requested', note: 'we met in Rome' }
  expect(await contacts.contacts(alice, FIRST_PAGE)).toEqual({ contacts: [{ user_id: bob, ...asked }] })
  expect(await contacts.contacts(bob, FIRST_PAGE)).toEqual({
    contacts: [{ user_id: alice, ...asked, state: 'requesting' }],
  })

  expect(await contacts.accept(bob, alice, same(2))).toBe('accepted')
  expect(await contacts.contacts(alice, FIRST_PAGE)).toEqual({ contacts: [{ user_id: bob, state: 'contact' }] })
})

test('gives the same outcome when a command is redelivered to another process', async () => {
  await contacts.request(alice, bob, undefined, same(1))
  await contacts.reject(bob, alice, same(2))
  const restarted = await anotherProcess()
  expect(await restarted.reject(bob, alice, same(2))).toBe('rejected')
  expect(await restarted.reject(bob, alice, same(3))).toBe('none')
  expect(await restarted.request(alice, bob, undefined, same(4))).toBe('asked')
})

test('makes both contacts, and notifies one of them, when their requests cross in two processes', async () => {
  const other = await anotherProcess()
  const outcomes = [contacts.request(alice, bob, 'hi', same(1)), other.request(bob, alice, 'ho', same(2))]
  expect((await Promise.all(outcomes)).sort()).toEqual(['accepted', 'asked'])
  expect(await contacts.contacts(alice, FIRST_PAGE)).toEqual({ contacts: [{ user_id: bob, state: 'contact' }] })
})

test('hides a blocked user, and shows their current state after the unblock', async () => {
  await contacts.block(alice, mallory, next())
  expect(await contacts.request(mallory, alice, 'please', same(1))).toBe('requested')
  expect(await contacts.contacts(mallory, FIRST_PAGE)).toMatchObject({ contacts: [{ state: 'requested' }] })
  expect(await contacts.contacts(alice, FIRST_PAGE)).toEqual({ contacts: [] })
  expect(await contacts.accept(alice, mallory, same(2))).toBe('absent')
  expect(await contacts.request(alice, mallory, undefined, same(3))).toBe('blocking')

  await contacts.unblock(alice, mallory, next())
  expect(await contacts.request(mallory, alice, 'please', same(1))).toBe('requested')
  expect(await contacts.contacts(alice, FIRST_PAGE)).toMatchObject({ contacts: [{ state: 'requesting' }] })
  expect(await contacts.blocked(alice, FIRST_PAGE)).toEqual({ users: [] })
})

test('pages a list without skipping or repeating anyone while the list changes', async () => {
  const user = (letter: string) => userIdOf(letter)
  const nora = user('n')
  for (const letter of 'adgjmpsvyz'.split('')) await contacts.request(nora, user(letter), undefined, next())
  const page = async (cursor?: UserId) => {
    const found = await contacts.contacts(nora, { cursor, limit: 4 })
    return { letters: found.contacts.map(({ user_id }) => user_id).join(''), cursor: found.cursor }
  }

  const first = await page()
  await contacts.request(user('b'), nora, undefined, next()) // before the cursor
  await contacts.request(user('k'), nora, undefined, next()) // behind it
  await contacts.cancel(nora, user('j'), next()) // the one it names
  const second = await page(first.cursor)
  await contacts.block(nora, user('z'), next())
  const third = await page(second.cursor)

  expect([first.letters, second.letters, third.letters, third.cursor]).toEqual(['adgj', 'kmps', 'vy', undefined])
})

test.each([10, 1_000])(
  'with %i pending requests, reading a user’s contacts skips them, and the list shows everyone in order',
  async (count) => {
    const { store, read } = countingStore(await data.store())
    const [book, settings] = [contactBook(store), SETTINGS]
    const asked = Array.from({ length: count }, (_, i) => userIdOf(`a${String(i).padStart(4, '0')}`))
    const zed = userIdOf('zed')
    await atATime(50, asked, (other) => book.request(other, mallory, undefined, next()))
    for (const other of [bob, zed]) {
      await book.request(mallory, other, undefined, next())
      await book.accept(other, mallory, next())
    }
    const before = read()
    expect(await relationBook(store, settings).contactsOf(mallory)).toEqual([bob, zed])
    expect(read() - before).toBe(2)

    const seen: string[] = []
    let cursor: UserId | undefined
    do {
      const page = await book.contacts(mallory, { cursor, limit: 100 })
      seen.push(...page.contacts.map(({ user_id }) => user_id))
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(seen).toEqual([...asked, bob, zed])
  },
)

test('reading a long list of contacts lets other work run in between', async () => {
  const store = await data.store()
  const book = contactBook(store)
  const many = Array.from({ length: 500 }, (_, i) => userIdOf(`n${i}`))
  await atATime(50, many, async (other) => {
    await book.request(alice, other, undefined, next())
    await book.accept(other, alice, next())
  })
  const order: string[] = []
  const reading = relationBook(store, SETTINGS)
    .contactsOf(alice)
    .then((all) => order.push(`read ${all.length}`))
  setImmediate(() => order.push('other'))
  await reading
  expect(order).toEqual(['other', 'read 500'])
})

test('a user has at most 1,000 pending requests, blocked or not; cancelling one makes room', async () => {
  const other = (n: number) => userIdOf(`other-${n}`)
  await contacts.block(bob, alice, next())
  await contacts.request(alice, bob, undefined, next())
  const strangers = Array.from({ length: 999 }, (_, i) => other(i + 1))
  await atATime(50, strangers, (user) => contacts.request(alice, user, undefined, next()))
  const full = { code: 'conflict', fields: { user_id: expect.stringMatching(/^1000 requests/) } }
  await expect(contacts.request(alice, mallory, undefined, next())).rejects.toMatchObject(full)
  expect(await contacts.request(alice, other(1), undefined, next())).toBe('requested') // already pending
  expect(await contacts.request(mallory, alice, undefined, same(1))).toBe('asked') // requests from others do not count
  expect(await contacts.request(alice, mallory, undefined, next())).toBe('accepted')

  await contacts.cancel(alice, other(1), next())
  expect(await contacts.request(alice, userIdOf('nora'), undefined, same(7))).toBe('asked')
  expect(await contacts.request(alice, userIdOf('nora'), undefined, same(7))).toBe('asked') // again, after a crash
})

test('a user blocks at most 1,000 others; unblocking one makes room', async () => {
  const other = (n: number) => userIdOf(`${n % 2 === 0 ? 'a' : 'z'}-${n}`) // whose ids sort before and after
  const strangers = Array.from({ length: 1_000 }, (_, n) => other(n))
  await atATime(50, strangers, (user) => contacts.block(mallory, user, next()))
  await expect(contacts.block(mallory, bob, next())).rejects.toMatchObject({ code: 'conflict' })
  expect(await contacts.block(mallory, other(1), next())).toBe(false)
  await contacts.unblock(mallory, other(1), next())
  expect(await contacts.block(mallory, bob, same(8))).toBe(true)
  expect(await contacts.block(mallory, bob, same(8))).toBe(true)
})

test('a user has at most 5,000 contacts: one more is refused from both sides until one is removed', async () => {
  const [carl, dora, erin] = [userIdOf('carl'), userIdOf('dora'), userIdOf('erin')]
  await contacts.request(bob, erin, undefined, next())
  await contacts.request(carl, bob, undefined, next())
  await contacts.request(dora, bob, undefined, next())
  const pairs = (await data.store()).collection<PairRecord & Record<string, unknown>>(PAIRS)
  const other = (n: number) => userIdOf(`${n % 2 === 0 ? 'a' : 'z'}-${n}`) // whose ids sort before and after
  const side = { sees: 'contact', blocks: false } as const
  const lists = { low_side: side, high_side: side, low_list: 'contacts', high_list: 'contacts' }
  const many = Array.from({ length: 4_999 }, (_, n) => [bob, other(n)].sort())
  await atATime(50, many, ([low, high]) => pairs.insert({ _id: pairKey(low!, high!), low, high, ...lists } as never))
  expect(await contacts.accept(bob, carl, same(1))).toBe('accepted')

  const full = { code: 'conflict', fields: { user_id: 'you have 5000 contacts: remove one first' } }
  const theyAre = { code: 'conflict', fields: { user_id: 'has 5000 contacts: they must remove one first' } }
  await expect(contacts.accept(bob, dora, next())).rejects.toMatchObject(full)
  await expect(contacts.request(bob, dora, undefined, next())).rejects.toMatchObject(full) // their requests cross
  await expect(contacts.request(bob, alice, undefined, next())).rejects.toMatchObject(full)
  await expect(contacts.accept(erin, bob, next())).rejects.toMatchObject(theyAre)
  await contacts.block(bob, erin, next())
  await expect(contacts.accept(erin, bob, next())).rejects.toMatchObject(theyAre) // a block changes no answer
  expect(await contacts.request(alice, bob, undefined, same(2))).toBe('asked')
  expect(await contacts.accept(bob, carl, same(1))).toBe('accepted') // again, after a crash

  await contacts.remove(bob, other(1), next())
  expect(await contacts.accept(bob, dora, next())).toBe('accepted')
})
