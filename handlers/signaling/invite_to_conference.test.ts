import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'signaling'])
})
afterAll(() => stage.close())

test('only participants invite, and only their contacts', async () => {
  const [alice, bob, carl] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carl')]
  await befriend(bob, carl)
  const { conference_id, token } = await alice.asks('create_conference')
  const invites = (by: typeof alice, invite: string[]) => by.asks('invite_to_conference', { conference_id, invite })
  expect(await invites(bob, ['carl'])).toMatchObject({ code: 'forbidden' })
  expect(await invites(alice, ['carl'])).toMatchObject({ code: 'forbidden' })
  await bob.asks('join_conference', { conference_id, token })
  expect(await invites(bob, ['carl'])).toMatchObject({ event: 'conference_invite_sent', conference_id })
  expect(await carl.receives('conference_invited')).toMatchObject({ conference_id, token, by: 'bob' })
})
