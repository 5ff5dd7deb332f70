import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, mallory } = await stage('signaling')

test('a message reaches all other participants and nobody else', async () => {
  const { conference_id, token } = (await alice.calls('create_conference')).as('conference_created')
  await bob.calls('join_conference', { conference_id, token })
  const { message_id } = (await bob.calls('send_conference_message', { conference_id, body: 'can you hear me?' })).as(
    'conference_message_sent',
  )
  alice.receives('conference_message', {
    conference_id,
    message_id,
    user_id: 'bob',
    body: 'can you hear me?',
  })
  const answer = await mallory.calls('send_conference_message', { conference_id, body: 'x' })
  expect(answer).toBeRefused('forbidden')
  expect(await bob.calls('send_conference_message', { conference_id, body: '' })).toBeRefused('bad_payload')
})
