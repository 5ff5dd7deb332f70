import { expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import { USER_GROUPS, MEMBERSHIPS, type UserGroupRecord, type MembershipRecord } from '../shared/user-groups.ts'
import { MESSAGES, scopeOf, type MessageRecord } from '../shared/message-chain.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { ownData } from '../../test/own-data.ts'
import { messageBook } from './message-book.ts'

test('a search by a late member of a long conversation reads only a part of it, and lets other work run', async () => {
  const data = await ownData()
  const store = await data.store()
  const [alice, late, group, old, mine] = [userIdOf('alice'), userIdOf('late'), 'g'.repeat(22), 3_000, 5]
  await store.collection<UserGroupRecord>(USER_GROUPS).insert({
    _id: group,
    title: 'Some',
    members: [
      { user: alice, role: 'owner', since: 0 },
      { user: late, role: 'member', since: old },
    ],
  })
  await store.collection<MembershipRecord>(MEMBERSHIPS).insert({ _id: `${late} ${group}`, user: late, group })
  const messages = store.collection<MessageRecord>(MESSAGES)
  const say = (seq: number) => {
    const about = { conversation: group, seq, from: alice, group, scopes: [scopeOf({ group })] }
    return messages.insert({ _id: String(seq), ...about, body: 'hello', hash: 'h', sent_at: new Date(0).toISOString() })
  }
  for (let seq = 1; seq <= old; seq += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => say(seq + i)))
  for (let seq = old + 1; seq <= old + mine; seq++) await say(seq)
  const book = messageBook(store, handlerSettings(readConfig({})))

  let turns = 0
  const others = setInterval(() => turns++, 0)
  let page = await book.search(late, 'hello', undefined, 20)
  expect(page.messages).toHaveLength(mine)
  expect(page.cursor).toBeDefined()
  expect(turns).toBeGreaterThan(0)
  for (let pages = 1; page.cursor !== undefined; pages++) {
    page = await book.search(late, 'hello', page.cursor, 20)
    expect(page.messages).toEqual([])
    expect(pages).toBeLessThan(5)
  }
  clearInterval(others)
  await data.close()
})
