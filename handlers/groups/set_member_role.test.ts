import { expect, test } from '@jest/globals'
import { gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl } = await stage(['contacts', 'groups'])

test('only the owner makes admins and hands the group over', async () => {
  const group_id = await gather(alice, bob, carl)
  const gives = (by: typeof alice, user_id: string, role: 'owner' | 'admin' | 'member') =>
    by.calls('set_member_role', { group_id, user_id, role })
  expect(await gives(bob, 'carl', 'admin')).toBeRefused('forbidden')
  expect(await gives(alice, 'bob', 'admin')).toMatchObject({ change: 'role_changed', user_id: 'bob', role: 'admin' })
  bob.receives('group_changed', { change: 'role_changed', user_id: 'bob', role: 'admin' })
  expect(await gives(alice, 'bob', 'admin')).not.toHaveProperty('message_id')
  expect(await gives(bob, 'carl', 'admin')).toBeRefused('forbidden')
  expect(await gives(alice, 'alice', 'member')).toBeRefused('bad_payload')
  expect(await gives(alice, 'nobody', 'admin')).toBeRefused('not_found')
  expect(await gives(alice, 'bob', 'king' as never)).toBeRefused('bad_payload')
  expect(await gives(alice, 'carl', 'owner')).toMatchObject({ role: 'owner' })
  const list = [
    { user_id: 'alice', role: 'admin' },
    { user_id: 'bob', role: 'admin' },
    { user_id: 'carl', role: 'owner' },
  ]
  expect(await alice.calls('get_group', { group_id })).toMatchObject({ role: 'admin', list })
  expect(await gives(alice, 'bob', 'member')).toBeRefused('forbidden')
})
