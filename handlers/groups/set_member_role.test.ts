import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups'])
})
afterAll(() => stage.close())

test('only the owner makes admins and hands the group over', async () => {
  const [alice, bob, carl] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carl')]
  const group_id = await gather(alice, bob, carl)
  const gives = (by: typeof alice, user_id: string, role: string) =>
    by.asks('set_member_role', { group_id, user_id, role })
  expect(await gives(bob, 'carl', 'admin')).toMatchObject({ code: 'forbidden' })
  expect(await gives(alice, 'bob', 'admin')).toMatchObject({ change: 'role_changed', user_id: 'bob', role: 'admin' })
  expect(await bob.receives('group_changed')).toMatchObject({ change: 'role_changed', user_id: 'bob', role: 'admin' })
  expect(await gives(alice, 'bob', 'admin')).not.toHaveProperty('message_id')
  expect(await gives(bob, 'carl', 'admin')).toMatchObject({ code: 'forbidden' })
  expect(await gives(alice, 'alice', 'member')).toMatchObject({ code: 'bad_payload' })
  expect(await gives(alice, 'nobody', 'admin')).toMatchObject({ code: 'not_found' })
  expect(await gives(alice, 'bob', 'king')).toMatchObject({ code: 'bad_payload' })
  expect(await gives(alice, 'carl', 'owner')).toMatchObject({ role: 'owner' })
  const list = [
    { user_id: 'alice', role: 'admin' },
    { user_id: 'bob', role: 'admin' },
    { user_id: 'carl', role: 'owner' },
  ]
  expect(await alice.asks('get_group', { group_id })).toMatchObject({ role: 'admin', list })
  expect(await gives(alice, 'bob', 'member')).toMatchObject({ code: 'forbidden' })
})
