import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['signaling'])
})
afterAll(() => stage.close())

test('the others hear who leaves; the conference ends with the last participant', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const { conference_id, token } = await alice.asks('create_conference')
  const { participant_id } = await bob.asks('join_conference', { conference_id, token })
  expect(await bob.asks('leave_conference', { conference_id })).toMatchObject({
    event: 'conference_left',
    conference_id,
  })
  expect(await alice.receives('participant_left')).toMatchObject({ user_id: 'bob', participant_id, reason: 'left' })
  expect(await bob.asks('leave_conference', { conference_id })).toMatchObject({ code: 'forbidden' })
  await alice.asks('leave_conference', { conference_id })
  expect(await bob.asks('join_conference', { conference_id, token })).toMatchObject({ code: 'forbidden' })
})
