import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'signaling'])
})
afterAll(() => stage.close())

test('invites only contacts; a user who blocks the creator hears nothing; the same command twice creates one conference', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  expect(await alice.asks('create_conference', { invite: ['bob'] })).toMatchObject({ code: 'forbidden' })
  expect(await alice.asks('create_conference', { invite: ['alice'] })).toMatchObject({ code: 'bad_payload' })
  for (const title of [' ', '\u200b']) {
    const fields = { title: 'must hold something visible' }
    expect(await alice.asks('create_conference', { title })).toMatchObject({ code: 'bad_payload', fields })
  }
  await befriend(alice, bob)
  const made = await alice.asks('create_conference', { invite: ['bob'] }, { id: 'once' })
  expect(made).toMatchObject({ event: 'conference_created', token: expect.stringMatching(/^[\w-]{32}$/) })
  expect(await alice.asks('create_conference', { invite: ['bob'] }, { id: 'once' })).toEqual(made)
  await bob.receives('conference_invited')
  await bob.asks('block_user', { user_id: 'alice' })
  await bob.unread()
  expect(await alice.asks('create_conference', { invite: ['bob'] })).toMatchObject({ event: 'conference_created' })
  expect(await bob.unread()).toEqual([])
})
