import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['signaling'])
})
afterAll(() => stage.close())

test('only the creator ends a conference, for everyone', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const { conference_id, token } = await alice.asks('create_conference')
  await bob.asks('join_conference', { conference_id, token })
  expect(await bob.asks('end_conference', { conference_id })).toMatchObject({ code: 'forbidden' })
  const ended = { event: 'conference_ended', conference_id, by: 'alice' }
  expect(await alice.asks('end_conference', { conference_id })).toMatchObject(ended)
  expect(await bob.receives('conference_ended')).toMatchObject(ended)
  expect(await alice.asks('end_conference', { conference_id })).toMatchObject({ code: 'forbidden' })
})
