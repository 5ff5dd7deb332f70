import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups'])
})
afterAll(() => stage.close())

test('shows the members page by page, to members only', async () => {
  const [alice, bob, carl] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carl')]
  const group_id = await gather(alice, carl, bob)
  const first = await carl.asks('get_group', { group_id, limit: 2 })
  expect(first).toMatchObject({ title: 'Some', role: 'member', members: 3, cursor: 'bob' })
  expect(first['list']).toEqual([
    { user_id: 'alice', role: 'owner' },
    { user_id: 'bob', role: 'member' },
  ])
  const rest = await carl.asks('get_group', { group_id, limit: 2, cursor: first['cursor'] })
  expect(rest['list']).toEqual([{ user_id: 'carl', role: 'member' }])
  expect(rest).not.toHaveProperty('cursor')

  const dora = await stage.device('dora')
  const foreign = await dora.asks('get_group', { group_id })
  const none = await dora.asks('get_group', { group_id: 'A'.repeat(22) })
  expect(foreign).toMatchObject({ code: 'forbidden' })
  expect({ ...foreign, re: '', at: '', event_seq: 0 }).toEqual({ ...none, re: '', at: '', event_seq: 0 })
})
