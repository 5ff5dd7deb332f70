import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['signaling'])
})
afterAll(() => stage.close())

test('who is gone for a while and comes back has his seat again, without a word of his', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const { conference_id, token } = await alice.asks('create_conference')
  const { participant_id } = await bob.asks('join_conference', { conference_id, token })
  await alice.unread()
  await bob.leaves()
  await new Promise((resolve) => setTimeout(resolve, 5_500)) // presence gives him five seconds
  expect(await alice.unread()).toEqual([])
  await stage.device('bob')
  expect(await alice.receives('participant_resumed')).toMatchObject({ conference_id, user_id: 'bob', participant_id })
})
