import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['signaling'])
})
afterAll(() => stage.close())

test('a message reaches all other participants and nobody else', async () => {
  const [alice, bob, mallory] = [await stage.device('alice'), await stage.device('bob'), await stage.device('mallory')]
  const { conference_id, token } = await alice.asks('create_conference')
  await bob.asks('join_conference', { conference_id, token })
  const { message_id } = await bob.asks('send_conference_message', { conference_id, body: 'can you hear me?' })
  expect(await alice.receives('conference_message')).toMatchObject({
    conference_id,
    message_id,
    user_id: 'bob',
    body: 'can you hear me?',
  })
  const answer = await mallory.asks('send_conference_message', { conference_id, body: 'x' })
  expect(answer).toMatchObject({ code: 'forbidden' })
  expect(await bob.asks('send_conference_message', { conference_id, body: '' })).toMatchObject({ code: 'bad_payload' })
})
