import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups'])
})
afterAll(() => stage.close())

test('the owner changes the title and all hear of it; the same title again changes nothing', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const group_id = await gather(alice, bob)
  const answer = await alice.asks('change_group_title', { group_id, title: 'Other' })
  expect(answer).toMatchObject({ event: 'group_updated', change: 'retitled', title: 'Other', seq: 2 })
  expect(await bob.receives('group_changed')).toMatchObject({ by: 'alice', change: 'retitled', title: 'Other' })
  expect(await alice.asks('change_group_title', { group_id, title: 'Other' })).not.toHaveProperty('message_id')
  expect(await bob.unread()).toEqual([])
  expect(await bob.asks('get_group', { group_id })).toMatchObject({ title: 'Other' })
})

test('a plain member may not; to a stranger the group looks missing', async () => {
  const [carl, dora, eve] = [await stage.device('carl'), await stage.device('dora'), await stage.device('eve')]
  const group_id = await gather(carl, dora)
  expect(await dora.asks('change_group_title', { group_id, title: 'x' })).toMatchObject({ code: 'forbidden' })
  const foreign = await eve.asks('change_group_title', { group_id, title: 'x' })
  const none = await eve.asks('change_group_title', { group_id: 'A'.repeat(22), title: 'x' })
  expect({ ...foreign, re: '', at: '', event_seq: 0 }).toEqual({ ...none, re: '', at: '', event_seq: 0 })
  expect(foreign).toMatchObject({ code: 'forbidden' })
})
