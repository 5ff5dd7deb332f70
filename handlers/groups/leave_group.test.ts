import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups'])
})
afterAll(() => stage.close())

test('who leaves is gone, and the others hear of it', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const group_id = await gather(alice, bob)
  expect(await bob.asks('leave_group', { group_id })).toMatchObject({ change: 'member_left', user_id: 'bob' })
  expect(await alice.receives('group_changed')).toMatchObject({ by: 'bob', change: 'member_left', user_id: 'bob' })
  expect(await alice.asks('get_group', { group_id })).toMatchObject({ members: 1 })
  expect(await bob.asks('leave_group', { group_id })).toMatchObject({ code: 'forbidden' })
  expect(await alice.asks('leave_group', { group_id })).not.toHaveProperty('owner')
  expect(await alice.asks('get_group', { group_id })).toMatchObject({ code: 'forbidden' })
})

test('an owner who leaves hands the group to its first admin, or else to its first member', async () => {
  const [carl, dora, eve] = [await stage.device('carl'), await stage.device('dora'), await stage.device('eve')]
  const group_id = await gather(carl, dora, eve)
  await carl.asks('set_member_role', { group_id, user_id: 'eve', role: 'admin' })
  expect(await carl.asks('leave_group', { group_id })).toMatchObject({ owner: 'eve' })
  expect(await eve.asks('get_group', { group_id })).toMatchObject({ role: 'owner' })
  expect(await eve.asks('leave_group', { group_id })).toMatchObject({ owner: 'dora' })
  expect(await dora.asks('get_group', { group_id })).toMatchObject({ role: 'owner', members: 1 })
})
