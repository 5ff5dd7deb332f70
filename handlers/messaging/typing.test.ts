import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging'])
})
afterAll(() => stage.close())

test('a contact sees one type; a stranger, and one who blocks, does not', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await befriend(alice, bob)
  await alice.mqtt.publishAsync('typing', '{"to":"bob"}', { qos: 0 })
  expect(await bob.receives('user_typing')).toMatchObject({ user_id: 'alice' })
  expect(await alice.asks('typing', { to: 'zed' })).toMatchObject({ code: 'forbidden' })
  await bob.asks('block_user', { user_id: 'alice' })
  await bob.unread()
  await alice.sends('typing', { to: 'bob' })
  await alice.asks('get_messages', { with: 'bob' })
  expect(await bob.unread()).toEqual([])
})
