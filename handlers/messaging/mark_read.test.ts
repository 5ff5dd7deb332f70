import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups', 'messaging'])
})
afterAll(() => stage.close())

test('the other hears how far a user has read, which only grows', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await befriend(alice, bob)
  for (const body of ['1', '2', '3']) await alice.asks('send_message', { to: 'bob', body })
  await alice.unread()
  expect(await bob.asks('mark_read', { with: 'alice', up_to: 2 })).toMatchObject({
    event: 'receipt_recorded',
    up_to: 2,
  })
  expect(await alice.receives('message_read')).toMatchObject({ by: 'bob', up_to: 2 })
  await bob.asks('mark_read', { with: 'alice', up_to: 1 })
  await bob.asks('mark_read', { with: 'alice', up_to: 2 })
  await bob.asks('mark_read', { with: 'alice', up_to: 3 })
  expect((await alice.unread()).map(({ up_to }) => up_to)).toEqual([3])
  expect(await bob.asks('mark_read', { with: 'alice', up_to: 4 })).toMatchObject({ code: 'not_found' })
  expect(await bob.asks('mark_read', { with: 'nobody', up_to: 1 })).toMatchObject({ code: 'not_found' })
})

test('in a group the authors of what was read hear of it', async () => {
  const [carl, dora, eve] = [await stage.device('carl'), await stage.device('dora'), await stage.device('eve')]
  const group_id = await gather(carl, dora, eve)
  await carl.asks('send_message', { group_id, body: '2' })
  await dora.asks('send_message', { group_id, body: '3' })
  await Promise.all([carl.unread(), dora.unread(), eve.unread()])
  await eve.asks('mark_read', { group_id, up_to: 2 })
  expect(await carl.receives('message_read')).toMatchObject({ by: 'eve', group_id, up_to: 2 })
  expect(await dora.unread()).toEqual([])
  await eve.asks('mark_read', { group_id, up_to: 3 })
  expect(await dora.receives('message_read')).toMatchObject({ by: 'eve', group_id, up_to: 3 })
  expect(await carl.unread()).toEqual([])
  expect(await eve.asks('mark_read', { group_id: 'A'.repeat(22), up_to: 1 })).toMatchObject({ code: 'forbidden' })
})
