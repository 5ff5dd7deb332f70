import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob } = await stage(['signaling', 'contacts', 'presence'])

test('a participant who was offline for a while gets their seat back without sending anything', async () => {
  for (const one of [alice, bob]) await one.comes()
  await befriend(alice, bob)
  const { conference_id, token } = (await alice.calls('create_conference')).as('conference_created')
  const { participant_id } = (await bob.calls('join_conference', { conference_id, token })).as('conference_joined')
  alice.unread()
  await bob.leaves()
  alice.receives('user_offline')
  expect(alice.unread()).toEqual([])
  await bob.comes()
  alice.receives('user_online')
  alice.receives('participant_resumed', { conference_id, user_id: 'bob', participant_id })
})
