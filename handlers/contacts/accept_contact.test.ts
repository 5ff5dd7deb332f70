import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts')
})
afterAll(() => stage.close())

test('makes contacts of Alice, who asked, and Bob, who accepts', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await alice.asks('request_contact', { user_id: bob.user })
  const answer = await bob.asks('accept_contact', { user_id: alice.user })
  expect(answer).toMatchObject({ event: 'contact_added', user_id: alice.user })
  expect(await alice.receives('contact_approved')).toMatchObject({ user_id: bob.user })

  expect(await bob.asks('accept_contact', { user_id: alice.user })).toMatchObject({ event: 'contact_added' })
  expect(await alice.unread()).toEqual([])
})

test('answers Carl alike about an existing user, a user whom he asked himself, and a missing user', async () => {
  const [carl, dora, eve] = [await stage.device('carl'), await stage.device('dora'), await stage.device('eve')]
  await carl.asks('request_contact', { user_id: eve.user })
  for (const user_id of [dora.user, eve.user, 'nobody']) {
    const { re: _re, at: _at, event_seq: _seq, ...answer } = await carl.asks('accept_contact', { user_id })
    expect(answer).toEqual({
      event: 'command_rejected',
      command: 'accept_contact',
      code: 'not_found',
      message: 'not found',
    })
  }
  expect(await dora.unread()).toEqual([])
})
