import { expect, test } from '@jest/globals'
import { gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, person } = await stage(['contacts', 'groups', 'messaging'])

test('a removed member hears of it and of nothing later; to them the group looks missing', async () => {
  const group_id = await gather(alice, bob, carl)
  const { message_id } = (await bob.calls('send_message', { group_id, body: 'mine' })).as('message_sent')
  for (const one of [alice, bob, carl]) one.unread()
  const answer = await alice.calls('remove_member', { group_id, user_id: 'bob' })
  expect(answer).toAnswer('group_updated', { change: 'member_removed', user_id: 'bob' })
  for (const one of [bob, carl]) {
    one.receives('group_changed', { change: 'member_removed', user_id: 'bob' })
  }
  await carl.calls('send_message', { group_id, body: 'without him' })
  expect(bob.unread()).toEqual([])
  const foreign = { code: 'forbidden' }
  expect(await bob.calls('get_messages', { group_id })).toMatchObject(foreign)
  expect(await bob.calls('send_message', { group_id, body: 'x' })).toMatchObject(foreign)
  expect(await bob.calls('edit_message', { message_id, body: 'x' })).toBeRefused('not_found')
  expect(await bob.calls('get_group', { group_id })).toMatchObject(foreign)
  expect(await bob.calls('get_group_list')).toMatchObject({ groups: [] })
})

test('an admin removes plain members, but neither the owner nor another admin; a plain member removes nobody', async () => {
  const names = ['dora', 'eve', 'finn', 'gus']
  const [dora, eve, finn, gus] = names.map(person)
  const group_id = await gather(dora!, eve!, finn!, gus!)
  await dora!.calls('set_member_role', { group_id, user_id: 'eve', role: 'admin' })
  await dora!.calls('set_member_role', { group_id, user_id: 'finn', role: 'admin' })
  const out = (by: typeof dora, user_id: string) => by!.calls('remove_member', { group_id, user_id })
  expect(await out(eve, 'dora')).toBeRefused('forbidden')
  expect(await out(eve, 'finn')).toBeRefused('forbidden')
  expect(await out(gus, 'eve')).toBeRefused('forbidden')
  expect(await out(gus, 'nobody')).toBeRefused('forbidden')
  expect(await out(eve, 'nobody')).toBeRefused('not_found')
  expect(await out(eve, 'eve')).toBeRefused('bad_payload')
  expect(await out(eve, 'gus')).toMatchObject({ change: 'member_removed' })
  expect(await out(dora, 'finn')).toMatchObject({ change: 'member_removed' })
})
