import { expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, finn, ida, person } = await stage(['contacts', 'groups', 'messaging'])

test('a new member and all others hear of it, and the new member sees messages from then on', async () => {
  const group_id = await gather(alice, bob)
  await befriend(alice, carl)
  await bob.calls('send_message', { group_id, body: 'before' })
  const answer = (await alice.calls('add_member', { group_id, user_id: 'carl' })).as('group_updated')
  expect(answer).toMatchObject({ change: 'member_added', user_id: 'carl', seq: 3 })
  for (const one of [bob, carl]) {
    one.receives('group_changed', { by: 'alice', change: 'member_added', user_id: 'carl' })
  }
  await bob.calls('send_message', { group_id, body: 'after' })
  carl.receives('message_received', { from: 'bob', group_id, body: 'after', seq: 4 })
  const page = (await carl.calls('get_messages', { group_id })).as('messages')
  expect(page).toMatchObject({ messages: [{ seq: 3, system: { change: 'member_added' } }, { seq: 4 }], more: false })
  expect(await carl.calls('get_messages', { group_id, after: 0, limit: 1 })).toMatchObject({ messages: [{ seq: 3 }] })
  expect(await alice.calls('add_member', { group_id, user_id: 'carl' })).not.toHaveProperty('message_id')
  expect(carl.unread()).toEqual([])
})

test('refuses to add a user whom the caller could not message, to add the caller, and to let a plain member add anyone', async () => {
  const group_id = await gather(dora, eve)
  await befriend(eve, finn)
  expect(await dora.calls('add_member', { group_id, user_id: 'finn' })).toBeRefused('forbidden')
  expect(await dora.calls('add_member', { group_id, user_id: 'nobody' })).toBeRefused('forbidden')
  expect(await eve.calls('add_member', { group_id, user_id: 'finn' })).toBeRefused('forbidden')
  expect(await dora.calls('add_member', { group_id, user_id: 'dora' })).toBeRefused('bad_payload')
  expect(await finn.calls('add_member', { group_id, user_id: 'eve' })).toBeRefused('forbidden')
  expect(finn.unread()).toEqual([])
})

test('a user who blocks whoever adds them only seems to be a member; another admin can really add them', async () => {
  const [gus, hal] = [person('gus'), person('hal')]
  const group_id = await gather(gus, hal)
  await befriend(gus, ida)
  await befriend(hal, ida)
  await ida.calls('block_user', { user_id: 'gus' })
  ida.unread()
  expect(await gus.calls('add_member', { group_id, user_id: 'ida' })).toMatchObject({ change: 'member_added', seq: 2 })
  expect(await gus.calls('get_group', { group_id })).toMatchObject({ members: 3 })
  expect(await ida.calls('get_group', { group_id })).toBeRefused('forbidden')
  await gus.calls('set_member_role', { group_id, user_id: 'hal', role: 'admin' })
  expect(ida.unread()).toEqual([])
  gus.unread()
  expect(await hal.calls('add_member', { group_id, user_id: 'ida' })).not.toHaveProperty('message_id')
  expect(gus.unread()).toEqual([])
  ida.receives('group_changed', { by: 'hal', change: 'member_added', user_id: 'ida' })
  expect(await ida.calls('get_group', { group_id })).toMatchObject({ role: 'member', members: 3 })
})
