import { expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import { USER_GROUPS, MEMBERSHIPS, type UserGroupRecord, type MembershipRecord } from '../shared/user-groups.ts'
import { MESSAGES, scopeOf, type MessageRecord } from '../shared/message-chain.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { atATime } from '../../test/at-a-time.ts'
import { countingStore } from '../../test/counting-store.ts'
import { ownData } from '../../test/own-data.ts'
import { messageBook } from './message-book.ts'

const SETTINGS = handlerSettings(readConfig({ ACCESS: 'everyone' }))

test.each([10, 900])(
  'a search by a member of %i groups reads only the groups in which it finds something',
  async (count) => {
    const data = await ownData()
    const { store, read } = countingStore(await data.store())
    const [alice, bob] = [userIdOf('alice'), userIdOf('bob')]
    const groups = Array.from({ length: count }, (_, i) => String(i).padStart(22, 'g'))
    const members = [
      { user: alice, role: 'owner' as const, since: 0 },
      { user: bob, role: 'member' as const, since: 1 },
    ]
    const book = messageBook(store, SETTINGS)
    const [groupsIn, hints] = [
      store.collection<UserGroupRecord>(USER_GROUPS),
      store.collection<MembershipRecord>(MEMBERSHIPS),
    ]
    await atATime(50, groups, async (group) => {
      await groupsIn.insert({ _id: group, title: 'Some', members })
      await hints.insert({ _id: `${bob} ${group}`, user: bob, group })
    })
    const messages = store.collection<MessageRecord>(MESSAGES)
    for (const seq of [1, 2]) {
      const at = {
        conversation: groups[0]!,
        seq,
        from: alice,
        group: groups[0]!,
        scopes: [scopeOf({ group: groups[0]! })],
      }
      await messages.insert({ _id: `m${seq}`, ...at, body: 'snow', hash: 'h', sent_at: new Date(0).toISOString() })
    }
    // A left-over hint shows nothing.
    await hints.insert({ _id: 'carl left', user: userIdOf('carl'), group: groups[0]! })

    const before = read()
    expect((await book.search(bob, 'snow', undefined, 20)).messages.map(({ _id }) => _id)).toEqual(['m2'])
    expect(read() - before).toBe(count + 3) // one hint per group; two messages, and their group once
    expect((await book.search(userIdOf('carl'), 'snow', undefined, 20)).messages).toEqual([])
    await data.close()
  },
)
