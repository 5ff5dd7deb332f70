import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging'])
})
afterAll(() => stage.close())

test('the author edits his message, and nobody else does', async () => {
  const [alice, bob, mallory] = [await stage.device('alice'), await stage.device('bob'), await stage.device('mallory')]
  await befriend(alice, bob)
  const { message_id, hash } = await alice.asks('send_message', { to: 'bob', body: 'helo' })
  const edited = { message_id, seq: 1, body: 'hello' }
  expect(await alice.asks('edit_message', { message_id, body: 'hello' })).toMatchObject({
    event: 'message_updated',
    ...edited,
    with: 'bob',
  })
  expect(await bob.receives('message_edited')).toMatchObject({ ...edited, with: 'alice' })
  expect(await bob.asks('get_messages', { with: 'alice' })).toMatchObject({
    messages: [{ ...edited, hash, edited_at: expect.any(String) }],
  })
  for (const someone of [bob, mallory]) {
    expect(await someone.asks('edit_message', { message_id, body: 'x' })).toMatchObject({ code: 'not_found' })
    expect(await someone.asks('edit_message', { message_id: 'y'.repeat(22), body: 'x' })).toMatchObject({
      code: 'not_found',
    })
  }
  expect(await alice.asks('edit_message', { message_id, body: 'a', ciphertext: 'b' })).toMatchObject({
    code: 'bad_payload',
  })
})
