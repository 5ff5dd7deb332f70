import { expect, test } from '@jest/globals'
import { gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve } = await stage(['contacts', 'groups'])

test('the owner changes the title and all hear of it; the same title again changes nothing', async () => {
  const group_id = await gather(alice, bob)
  const answer = await alice.calls('change_group_title', { group_id, title: 'Other' })
  expect(answer).toAnswer('group_updated', { change: 'retitled', title: 'Other', seq: 2 })
  bob.receives('group_changed', { by: 'alice', change: 'retitled', title: 'Other' })
  expect(await alice.calls('change_group_title', { group_id, title: 'Other' })).not.toHaveProperty('message_id')
  expect(bob.unread()).toEqual([])
  expect(await bob.calls('get_group', { group_id })).toMatchObject({ title: 'Other' })
})

test('a plain member may not; to a stranger the group looks missing', async () => {
  const group_id = await gather(carl, dora)
  expect(await dora.calls('change_group_title', { group_id, title: 'x' })).toBeRefused('forbidden')
  const foreign = await eve.calls('change_group_title', { group_id, title: 'x' })
  const none = await eve.calls('change_group_title', { group_id: 'A'.repeat(22), title: 'x' })
  expect({ ...foreign, re: '', at: '', event_seq: 0 }).toEqual({ ...none, re: '', at: '', event_seq: 0 })
  expect(foreign).toBeRefused('forbidden')
})
