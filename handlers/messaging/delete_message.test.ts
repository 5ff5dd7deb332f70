import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging'])
})
afterAll(() => stage.close())

test('the author takes his message away for both; its place stays, and it is not edited any more', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await befriend(alice, bob)
  const { message_id } = await alice.asks('send_message', { to: 'bob', body: 'oops' })
  expect(await bob.asks('delete_message', { message_id })).toMatchObject({ code: 'not_found' })
  expect(await alice.asks('delete_message', { message_id })).toMatchObject({
    event: 'message_removed',
    message_id,
    seq: 1,
  })
  expect(await bob.receives('message_deleted')).toMatchObject({ message_id, with: 'alice' })
  for (const [asker, other] of [
    [alice, 'bob'],
    [bob, 'alice'],
  ] as const) {
    const [left] = (await asker.asks('get_messages', { with: other }))['messages'] as object[]
    expect(left).toMatchObject({ message_id, seq: 1, deleted_at: expect.any(String) })
    expect(left).not.toHaveProperty('body')
  }
  expect(await alice.asks('edit_message', { message_id, body: 'again' })).toMatchObject({ code: 'not_found' })
  expect(await alice.asks('delete_message', { message_id })).toMatchObject({ code: 'not_found' })
})
