import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob } = await stage(['contacts', 'signaling'])

test('invites only contacts; a user who blocks the creator hears nothing; a command that runs again after a crash creates one conference', async () => {
  expect(await alice.calls('create_conference', { invite: ['bob'] })).toBeRefused('forbidden')
  expect(await alice.calls('create_conference', { invite: ['alice'] })).toBeRefused('bad_payload')
  for (const title of [' ', '\u200b']) {
    const fields = { title: 'must hold something visible' }
    expect(await alice.calls('create_conference', { title })).toMatchObject({ code: 'bad_payload', fields })
  }
  await befriend(alice, bob)
  const made = await alice.calls('create_conference', { invite: ['bob'] }, { crashes: true })
  expect(made).toAnswer('conference_created', { token: expect.stringMatching(/^[\w-]{32}$/) })
  bob.receives('conference_invited')
  expect(bob.unread()).toEqual([])
  await bob.calls('block_user', { user_id: 'alice' })
  bob.unread()
  expect(await alice.calls('create_conference', { invite: ['bob'] })).toAnswer('conference_created')
  expect(bob.unread()).toEqual([])
})
