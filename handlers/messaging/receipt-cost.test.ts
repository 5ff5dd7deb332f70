import { expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import { USER_GROUPS, type UserGroupRecord } from '../shared/user-groups.ts'
import { MESSAGES, type MessageRecord } from '../shared/message-chain.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { countingStore } from '../../test/counting-store.ts'
import { ownData } from '../../test/own-data.ts'
import { receiptBook } from './receipt-book.ts'

test('a receipt for a hundred messages reads their group once, and the relation to each author once', async () => {
  const data = await ownData()
  const { store, read } = countingStore(await data.store())
  const [alice, bob, group] = [userIdOf('alice'), userIdOf('bob'), 'g'.repeat(22)]
  const members = [alice, bob].map((user) => ({ user, role: 'member' as const, since: 0 }))
  await store.collection<UserGroupRecord>(USER_GROUPS).insert({ _id: group, title: 'Some', members })
  const messages = store.collection<MessageRecord>(MESSAGES)
  const ids = Array.from({ length: 100 }, (_, i) => `m${i}`)
  const sent = { conversation: group, from: alice, group, scopes: [], hash: 'h', sent_at: new Date(0).toISOString() }
  await Promise.all(ids.map((_id, i) => messages.insert({ ...sent, _id, seq: i + 1, body: 'snow' })))

  const before = read()
  const receipts = receiptBook(store, handlerSettings(readConfig({})))
  const cause = { id: 'command 1', order: 1, at: new Date(0) }
  const { mine, news } = await receipts.acknowledge(bob, ids, cause)
  expect([mine, news]).toEqual([ids, new Map([[alice, ids]])])
  expect(read() - before).toBe(100 + 1 + 2) // the messages, the group, the reader's privacy and their relation to the author
  await data.close()
})
