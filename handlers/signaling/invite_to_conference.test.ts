import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl } = await stage(['contacts', 'signaling'])

test('only participants invite, and only their contacts', async () => {
  await befriend(bob, carl)
  const { conference_id, token } = (await alice.calls('create_conference')).as('conference_created')
  const invites = (by: typeof alice, invite: string[]) => by.calls('invite_to_conference', { conference_id, invite })
  expect(await invites(bob, ['carl'])).toBeRefused('forbidden')
  expect(await invites(alice, ['carl'])).toBeRefused('forbidden')
  await bob.calls('join_conference', { conference_id, token })
  expect(await invites(bob, ['carl'])).toAnswer('conference_invite_sent', { conference_id })
  carl.receives('conference_invited', { conference_id, token, by: 'bob' })
})
