import { expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve } = await stage(['contacts', 'groups', 'messaging'])

test('the other hears how far a user has read, which only grows', async () => {
  await befriend(alice, bob)
  for (const body of ['1', '2', '3']) await alice.calls('send_message', { to: 'bob', body })
  alice.unread()
  expect(await bob.calls('mark_read', { with: 'alice', up_to: 2 })).toAnswer('receipt_recorded', {
    up_to: 2,
  })
  alice.receives('message_read', { by: 'bob', up_to: 2 })
  await bob.calls('mark_read', { with: 'alice', up_to: 1 })
  await bob.calls('mark_read', { with: 'alice', up_to: 2 })
  await bob.calls('mark_read', { with: 'alice', up_to: 3 })
  expect(alice.unread().map(({ up_to }) => up_to)).toEqual([3])
  expect(await bob.calls('mark_read', { with: 'alice', up_to: 4 })).toBeRefused('not_found')
  expect(await bob.calls('mark_read', { with: 'nobody', up_to: 1 })).toBeRefused('not_found')
})

test('in a group the authors of what was read hear of it', async () => {
  const group_id = await gather(carl, dora, eve)
  await carl.calls('send_message', { group_id, body: '2' })
  await dora.calls('send_message', { group_id, body: '3' })
  for (const one of [carl, dora, eve]) one.unread()
  await eve.calls('mark_read', { group_id, up_to: 2 })
  carl.receives('message_read', { by: 'eve', group_id, up_to: 2 })
  expect(dora.unread()).toEqual([])
  await eve.calls('mark_read', { group_id, up_to: 3 })
  dora.receives('message_read', { by: 'eve', group_id, up_to: 3 })
  expect(carl.unread()).toEqual([])
  expect(await eve.calls('mark_read', { group_id: 'A'.repeat(22), up_to: 1 })).toBeRefused('forbidden')
})
