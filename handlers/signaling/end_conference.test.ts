import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob } = await stage('signaling')

test('only the creator ends a conference, for everyone', async () => {
  const { conference_id, token } = (await alice.calls('create_conference')).as('conference_created')
  await bob.calls('join_conference', { conference_id, token })
  expect(await bob.calls('end_conference', { conference_id })).toBeRefused('forbidden')
  const ended = { event: 'conference_ended', conference_id, by: 'alice' }
  expect(await alice.calls('end_conference', { conference_id })).toMatchObject(ended)
  bob.receives('conference_ended', ended)
  expect(await alice.calls('end_conference', { conference_id })).toBeRefused('forbidden')
})
