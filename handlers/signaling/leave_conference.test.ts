import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob } = await stage('signaling')

test('the others hear who leaves; the conference ends with the last participant', async () => {
  const { conference_id, token } = (await alice.calls('create_conference')).as('conference_created')
  const { participant_id } = (await bob.calls('join_conference', { conference_id, token })).as('conference_joined')
  expect(await bob.calls('leave_conference', { conference_id })).toAnswer('conference_left', {
    conference_id,
  })
  alice.receives('participant_left', { user_id: 'bob', participant_id, reason: 'left' })
  expect(await bob.calls('leave_conference', { conference_id })).toBeRefused('forbidden')
  await alice.calls('leave_conference', { conference_id })
  expect(await bob.calls('join_conference', { conference_id, token })).toBeRefused('forbidden')
})
