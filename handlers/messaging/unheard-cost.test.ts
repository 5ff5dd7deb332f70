import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { prevHashFor } from '../shared/message-chain.ts'
import { pairKey, PAIRS, type PairRecord } from '../shared/contact-pairs.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import type { Store } from '../../shared/store/documents.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { countingStore, type Work } from '../../test/counting-store.ts'
import { ownData, type OwnData } from '../../test/own-data.ts'
import { messageBook, type MessageBook } from './message-book.ts'

// A message to a user who blocks its author is stored in the conversation, and only the author sees it.

const [alice, bob] = [userIdOf('alice'), userIdOf('bob')]
const stub = (id: string): string => createHash('sha256').update(id).digest('hex')

let data: OwnData
let store: Store
let work: () => Work
let book: MessageBook
let order: number
beforeEach(async () => {
  data = await ownData()
  ;({ store, work } = countingStore(await data.store()))
  book = messageBook(store, handlerSettings(readConfig({})))
  order = 0
})
afterEach(() => data.close())

const cause = () => ({ id: `command ${++order}`, order, at: new Date(order) })
const says = async (body: string) => (await book.send(bob, { user: alice }, { body }, cause())).sent
const reads = (user: typeof alice, at: { after?: number; limit: number }) =>
  book.page(user, { user: user === alice ? bob : alice }, at)

async function blocks(isBlocked: boolean): Promise<void> {
  const side = { sees: 'contact', blocks: false } as const
  const pair = { _id: pairKey(alice, bob), low: alice, high: bob, low_side: { ...side, blocks: isBlocked } }
  await store.collection<PairRecord>(PAIRS).change(pair._id, () => ({ ...pair, high_side: side }))
}

async function during<T>(what: () => Promise<T>): Promise<Work & { result: T }> {
  const before = work()
  const result = await what()
  const now = work()
  return { result, read: now.read - before.read, counted: 0, written: now.written - before.written }
}

test.each([10, 200])(
  'with %i messages withheld by a block, the blocker reads past them, and deleting an earlier message costs no more',
  async (many) => {
    await blocks(false)
    const heard = [await says('first'), await says('second'), await says('third')]
    await blocks(true)
    for (let i = 0; i < many; i++) await says(`unheard ${i}`)

    const last = await during(() => reads(alice, { limit: 3 }))
    expect(last.result.messages.map(({ body }) => body)).toEqual(['first', 'second', 'third'])
    expect(last.read).toBeLessThanOrEqual(1 + 2 * 4)
    const next = await during(() => reads(alice, { after: heard[2]!.seq, limit: 3 }))
    expect(next.result).toEqual({ messages: [], more: false })
    expect(next.read).toBeLessThanOrEqual(1 + 2 * 4)
    expect((await reads(bob, { after: 1, limit: 3 })).messages.map(({ body }) => body)).toEqual([
      'second',
      'third',
      'unheard 0',
    ])

    const removal = await during(() => book.remove(bob, heard[2]!._id, cause()))
    expect(removal.written).toBeLessThanOrEqual(6) // itself, the next message for each side, and the last message
    expect(removal.read).toBeLessThanOrEqual(30)

    await blocks(false)
    const after = await says('heard again')
    expect(prevHashFor(alice, after)).toBe(stub(heard[2]!._id))
    expect(prevHashFor(bob, after)).toBe((await reads(bob, { limit: 2 })).messages[0]!.hash)
    const [first] = (await reads(bob, { after: heard[2]!.seq, limit: 1 })).messages
    expect(prevHashFor(bob, first!)).toBe(stub(heard[2]!._id))
  },
)
