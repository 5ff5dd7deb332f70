import { expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve } = await stage(['contacts', 'groups', 'messaging'])

test('a contact sees the user typing; a stranger and a user who blocks them do not', async () => {
  await befriend(alice, bob)
  await alice.calls('typing', { to: 'bob' })
  bob.receives('user_typing', { user_id: 'alice' })
  expect(await alice.calls('typing', { to: 'zed' })).toBeRefused('forbidden')
  await bob.calls('block_user', { user_id: 'alice' })
  bob.unread()
  expect(await alice.calls('typing', { to: 'bob' })).toMatchObject({ event: 'nothing' })
  expect(bob.unread()).toEqual([])
})

test('the other members of a group see a user typing, the user does not', async () => {
  const group_id = await gather(carl, dora, eve)
  await carl.calls('typing', { group_id })
  for (const one of [dora, eve]) one.receives('user_typing', { user_id: 'carl', group_id })
  expect(carl.unread()).toEqual([])
})
