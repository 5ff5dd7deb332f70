import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve } = await stage('contacts')

test('makes contacts of Alice, who asked, and Bob, who accepts', async () => {
  await alice.calls('request_contact', { user_id: bob.user })
  const answer = await bob.calls('accept_contact', { user_id: alice.user })
  expect(answer).toAnswer('contact_added', { user_id: alice.user })
  alice.receives('contact_approved', { user_id: bob.user })

  expect(await bob.calls('accept_contact', { user_id: alice.user })).toAnswer('contact_added')
  expect(alice.unread()).toEqual([])
})

test('answers Carl alike about an existing user, a user whom he asked himself, and a missing user', async () => {
  await carl.calls('request_contact', { user_id: eve.user })
  for (const user_id of [dora.user, eve.user, 'nobody']) {
    const { re: _re, at: _at, event_seq: _seq, ...answer } = await carl.calls('accept_contact', { user_id })
    expect(answer).toEqual({
      event: 'command_rejected',
      command: 'accept_contact',
      code: 'not_found',
      message: 'not found',
    })
  }
  expect(dora.unread()).toEqual([])
})
