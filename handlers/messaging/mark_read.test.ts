import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging'])
})
afterAll(() => stage.close())

test('the other hears how far one has read; it only grows', async () => {
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
