import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend, comes } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['signaling', 'contacts', 'presence'])
})
afterAll(() => stage.close())

test('a participant who was offline for a while gets their seat back without sending anything', async () => {
  const [alice, bob] = [await comes(stage, 'alice'), await comes(stage, 'bob')]
  await befriend(alice, bob)
  const { conference_id, token } = await alice.asks('create_conference')
  const { participant_id } = await bob.asks('join_conference', { conference_id, token })
  await alice.unread()
  await bob.leaves()
  await alice.receives('user_offline') // presence waits five seconds before it reports offline
  expect(await alice.unread()).toEqual([])
  await stage.device('bob')
  expect(await alice.receives('participant_resumed')).toMatchObject({ conference_id, user_id: 'bob', participant_id })
})
