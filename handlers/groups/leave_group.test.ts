import { expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, finn, ida, kim, lea, person } = await stage(['contacts', 'groups'])

test('a member leaves, and the others hear of it', async () => {
  const group_id = await gather(alice, bob)
  expect(await bob.calls('leave_group', { group_id })).toMatchObject({ change: 'member_left', user_id: 'bob' })
  alice.receives('group_changed', { by: 'bob', change: 'member_left', user_id: 'bob' })
  expect(await alice.calls('get_group', { group_id })).toMatchObject({ members: 1 })
  expect(await bob.calls('leave_group', { group_id })).toBeRefused('forbidden')
  expect(await alice.calls('leave_group', { group_id })).not.toHaveProperty('owner')
  expect(await alice.calls('get_group', { group_id })).toBeRefused('forbidden')
})

test('an owner who leaves hands the group to the first admin, or else to the first member', async () => {
  const group_id = await gather(carl, dora, eve)
  await carl.calls('set_member_role', { group_id, user_id: 'eve', role: 'admin' })
  expect(await carl.calls('leave_group', { group_id })).toMatchObject({ owner: 'eve' })
  expect(await eve.calls('get_group', { group_id })).toMatchObject({ role: 'owner' })
  expect(await eve.calls('leave_group', { group_id })).toMatchObject({ owner: 'dora' })
  expect(await dora.calls('get_group', { group_id })).toMatchObject({ role: 'owner', members: 1 })
})

test('the group of an owner who leaves passes to a member who knows of it; what the leaver is told reveals no block', async () => {
  const [gus, hal] = [person('gus'), person('hal')]
  for (const other of [gus, hal]) await befriend(finn, other)
  await befriend(hal, gus)
  await gus.calls('block_user', { user_id: 'finn' })
  const { group_id } = (await finn.calls('create_group', { title: 'Some', members: ['gus', 'hal'] })).as(
    'group_updated',
  )
  await finn.calls('set_member_role', { group_id, user_id: 'gus', role: 'admin' })
  hal.unread()
  expect(await finn.calls('leave_group', { group_id })).toMatchObject({ owner: 'gus' })
  hal.receives('group_changed', { change: 'member_left', user_id: 'finn', owner: 'hal' })
  expect(await hal.calls('change_group_title', { group_id, title: 'Other' })).toMatchObject({ title: 'Other' })
  expect(await hal.calls('add_member', { group_id, user_id: 'gus' })).toAnswer('group_updated')
  expect(await gus.calls('get_group', { group_id })).toMatchObject({ role: 'admin', members: 2 })
})

test('a group owned by a hidden member passes on when its last manager leaves', async () => {
  const jon = person('jon')
  for (const other of [jon, kim]) await befriend(ida, other)
  await jon.calls('block_user', { user_id: 'ida' })
  const { group_id } = (await ida.calls('create_group', { title: 'Some', members: ['jon', 'kim'] })).as('group_updated')
  await ida.calls('set_member_role', { group_id, user_id: 'jon', role: 'owner' })
  expect(await ida.calls('get_group', { group_id })).toMatchObject({ role: 'admin' })
  expect(await ida.calls('leave_group', { group_id })).not.toHaveProperty('owner')
  expect(await kim.calls('get_group', { group_id })).toMatchObject({ role: 'owner' })
  expect(await kim.calls('set_member_role', { group_id, user_id: 'jon', role: 'member' })).toMatchObject({
    change: 'role_changed',
  })
})

test('a hidden member who is really added has the role that the others saw', async () => {
  const [max, nina] = [person('max'), person('nina')]
  for (const other of [max, nina]) await befriend(lea, other)
  await befriend(nina, max)
  await max.calls('block_user', { user_id: 'lea' })
  const { group_id } = (await lea.calls('create_group', { title: 'Some', members: ['max', 'nina'] })).as(
    'group_updated',
  )
  await lea.calls('set_member_role', { group_id, user_id: 'nina', role: 'admin' })
  await lea.calls('set_member_role', { group_id, user_id: 'max', role: 'owner' })
  await nina.calls('add_member', { group_id, user_id: 'max' })
  expect(await max.calls('get_group', { group_id })).toMatchObject({ role: 'owner' })
  expect(await lea.calls('leave_group', { group_id })).not.toHaveProperty('owner')
})
