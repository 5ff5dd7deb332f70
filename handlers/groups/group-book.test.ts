import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import type { Collection, Document, Store } from '../../shared/store/documents.ts'
import { MEMBERSHIPS, type MembershipRecord } from '../shared/user-groups.ts'
import { PAIRS, type PairRecord } from '../shared/contact-pairs.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { atATime } from '../../test/at-a-time.ts'
import { ownData, type OwnData } from '../../test/own-data.ts'
import { groupBook } from './group-book.ts'

const SETTINGS = handlerSettings(readConfig({ ACCESS: 'everyone' }))
const [alice, bob, carl] = [userIdOf('alice'), userIdOf('bob'), userIdOf('carl')]

let data: OwnData
let store: Store
let order: number
beforeEach(async () => {
  data = await ownData()
  store = await data.store()
  order = 0
})
afterEach(() => data.close())

const cause = () => ({ id: `command ${++order}`, order, at: new Date(order) })

/** A store in which something else happens right before each removal. */
function before(removal: () => Promise<unknown>): Store {
  return {
    ...store,
    collection<D extends Document>(spec: Parameters<Store['collection']>[0]): Collection<D> {
      const real = store.collection<D>(spec)
      return { ...real, remove: (id) => removal().then(() => real.remove(id)) }
    },
  }
}

test.each(['remove', 'leave'] as const)(
  'a user who is added again during a %s has the group in their list',
  async (how) => {
    const other = groupBook(store, SETTINGS)
    const { group } = await other.create(alice, 'Some', [bob, carl], cause())
    await other.setRole(alice, group, carl, 'admin', cause())
    const book = groupBook(
      before(() => other.add(carl, group, bob, cause())),
      SETTINGS,
    )
    if (how === 'remove') await book.remove(alice, group, bob, cause())
    else await book.leave(bob, group, cause())
    expect(await other.look(bob, group, undefined, 10)).toMatchObject({ role: 'member' })
    expect((await other.list(bob, undefined, 10)).list).toMatchObject([{ group: { _id: group } }])
  },
)

test('a user who blocks the creator of groups gets no hints of them', async () => {
  const pairs = store.collection<PairRecord & Record<string, unknown>>(PAIRS)
  const side = { sees: 'none', blocks: false } as const
  await pairs.insert({
    _id: 'alice bob',
    low: alice,
    high: bob,
    low_side: side,
    high_side: { ...side, blocks: true },
    low_list: 'none',
    high_list: 'blocks',
  })
  const book = groupBook(store, SETTINGS)
  const { group } = await book.create(alice, 'Some', [bob], cause())
  await book.create(alice, 'Other', [], cause()).then(({ group: empty }) => book.add(alice, empty, bob, cause()))
  const hints = store.collection({ name: 'group_memberships', indexes: { by_user: { fields: ['user', 'group'] } } })
  expect(await hints.find({ by: 'by_user', where: { user: bob }, limit: 10 })).toEqual([])
  await book.add(alice, group, carl, cause())
  await book.setRole(alice, group, carl, 'admin', cause())
  await book.add(carl, group, bob, cause())
  expect((await book.list(bob, undefined, 10)).list).toMatchObject([{ group: { _id: group } }])
})

test('a user in 1,000 groups creates no more until they leave one', async () => {
  const hints = store.collection<MembershipRecord>(MEMBERSHIPS)
  const book = groupBook(store, SETTINGS)
  const { group } = await book.create(alice, 'The first', [], cause())
  await atATime(50, Array(999).keys(), (n) => hints.insert({ _id: `alice g${n}`, user: alice, group: `g${n}` }))
  const full = { code: 'conflict', message: 'you are in 1000 groups: leave one first' }
  await expect(book.create(alice, 'One more', [], cause())).rejects.toMatchObject(full)
  await book.leave(alice, group, cause())
  const last = cause()
  expect(await book.create(alice, 'One more', [], last)).toMatchObject({ change: { change: 'created' } })
  expect(await book.create(alice, 'One more', [], last)).toMatchObject({ change: { change: 'created' } })
})
