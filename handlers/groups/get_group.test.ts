import { expect, test } from '@jest/globals'
import { gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora } = await stage(['contacts', 'groups'])

test('shows the members page by page, to members only', async () => {
  const group_id = await gather(alice, carl, bob)
  const first = (await carl.calls('get_group', { group_id, limit: 2 })).as('group')
  expect(first).toMatchObject({ title: 'Some', role: 'member', members: 3, cursor: 'bob' })
  expect(first['list']).toEqual([
    { user_id: 'alice', role: 'owner' },
    { user_id: 'bob', role: 'member' },
  ])
  const rest = (await carl.calls('get_group', { group_id, limit: 2, cursor: first['cursor'] })).as('group')
  expect(rest['list']).toEqual([{ user_id: 'carl', role: 'member' }])
  expect(rest).not.toHaveProperty('cursor')

  const foreign = await dora.calls('get_group', { group_id })
  const none = await dora.calls('get_group', { group_id: 'A'.repeat(22) })
  expect(foreign).toBeRefused('forbidden')
  expect({ ...foreign, re: '', at: '', event_seq: 0 }).toEqual({ ...none, re: '', at: '', event_seq: 0 })
})
