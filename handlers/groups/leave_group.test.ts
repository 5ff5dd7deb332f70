import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups'])
})
afterAll(() => stage.close())

test('a member leaves, and the others hear of it', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const group_id = await gather(alice, bob)
  expect(await bob.asks('leave_group', { group_id })).toMatchObject({ change: 'member_left', user_id: 'bob' })
  expect(await alice.receives('group_changed')).toMatchObject({ by: 'bob', change: 'member_left', user_id: 'bob' })
  expect(await alice.asks('get_group', { group_id })).toMatchObject({ members: 1 })
  expect(await bob.asks('leave_group', { group_id })).toMatchObject({ code: 'forbidden' })
  expect(await alice.asks('leave_group', { group_id })).not.toHaveProperty('owner')
  expect(await alice.asks('get_group', { group_id })).toMatchObject({ code: 'forbidden' })
})

test('an owner who leaves hands the group to the first admin, or else to the first member', async () => {
  const [carl, dora, eve] = [await stage.device('carl'), await stage.device('dora'), await stage.device('eve')]
  const group_id = await gather(carl, dora, eve)
  await carl.asks('set_member_role', { group_id, user_id: 'eve', role: 'admin' })
  expect(await carl.asks('leave_group', { group_id })).toMatchObject({ owner: 'eve' })
  expect(await eve.asks('get_group', { group_id })).toMatchObject({ role: 'owner' })
  expect(await eve.asks('leave_group', { group_id })).toMatchObject({ owner: 'dora' })
  expect(await dora.asks('get_group', { group_id })).toMatchObject({ role: 'owner', members: 1 })
})

test('the group of an owner who leaves passes to a member who knows of it; what the leaver is told reveals no block', async () => {
  const [finn, gus, hal] = [await stage.device('finn'), await stage.device('gus'), await stage.device('hal')]
  for (const other of [gus, hal]) await befriend(finn, other)
  await befriend(hal, gus)
  await gus.asks('block_user', { user_id: 'finn' })
  const { group_id } = await finn.asks('create_group', { title: 'Some', members: ['gus', 'hal'] })
  await finn.asks('set_member_role', { group_id, user_id: 'gus', role: 'admin' })
  await hal.unread()
  expect(await finn.asks('leave_group', { group_id })).toMatchObject({ owner: 'gus' })
  expect(await hal.receives('group_changed')).toMatchObject({ change: 'member_left', user_id: 'finn', owner: 'hal' })
  expect(await hal.asks('change_group_title', { group_id, title: 'Other' })).toMatchObject({ title: 'Other' })
  expect(await hal.asks('add_member', { group_id, user_id: 'gus' })).toMatchObject({ event: 'group_updated' })
  expect(await gus.asks('get_group', { group_id })).toMatchObject({ role: 'admin', members: 2 })
})

test('a group owned by a hidden member passes on when its last manager leaves', async () => {
  const [ida, jon, kim] = [await stage.device('ida'), await stage.device('jon'), await stage.device('kim')]
  for (const other of [jon, kim]) await befriend(ida, other)
  await jon.asks('block_user', { user_id: 'ida' })
  const { group_id } = await ida.asks('create_group', { title: 'Some', members: ['jon', 'kim'] })
  await ida.asks('set_member_role', { group_id, user_id: 'jon', role: 'owner' })
  expect(await ida.asks('get_group', { group_id })).toMatchObject({ role: 'admin' })
  expect(await ida.asks('leave_group', { group_id })).not.toHaveProperty('owner')
  expect(await kim.asks('get_group', { group_id })).toMatchObject({ role: 'owner' })
  expect(await kim.asks('set_member_role', { group_id, user_id: 'jon', role: 'member' })).toMatchObject({
    change: 'role_changed',
  })
})

test('a hidden member who is really added has the role that the others saw', async () => {
  const [lea, max, nina] = [await stage.device('lea'), await stage.device('max'), await stage.device('nina')]
  for (const other of [max, nina]) await befriend(lea, other)
  await befriend(nina, max)
  await max.asks('block_user', { user_id: 'lea' })
  const { group_id } = await lea.asks('create_group', { title: 'Some', members: ['max', 'nina'] })
  await lea.asks('set_member_role', { group_id, user_id: 'nina', role: 'admin' })
  await lea.asks('set_member_role', { group_id, user_id: 'max', role: 'owner' })
  await nina.asks('add_member', { group_id, user_id: 'max' })
  expect(await max.asks('get_group', { group_id })).toMatchObject({ role: 'owner' })
  expect(await lea.asks('leave_group', { group_id })).not.toHaveProperty('owner')
})
