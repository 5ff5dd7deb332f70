import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, finn, gina, hugo } = await stage('contacts')

test('tells Bob who asks and why, and Alice that it was sent', async () => {
  const answer = await alice.calls('request_contact', { user_id: bob.user, note: 'we met in Rome' })
  expect(answer).toAnswer('contact_request_sent', { user_id: bob.user })
  bob.receives('contact_requested', { user_id: alice.user, note: 'we met in Rome' })
})

test('notifies Dora once, however often Carl asks', async () => {
  await carl.calls('request_contact', { user_id: dora.user })
  dora.receives('contact_requested')
  const again = await carl.calls('request_contact', { user_id: dora.user, note: 'hello?' })
  expect(again).toAnswer('contact_request_sent', { user_id: dora.user })
  expect(dora.unread()).toEqual([])
})

test('makes contacts of Eve and Finn, who ask each other', async () => {
  await eve.calls('request_contact', { user_id: finn.user })
  const crossing = await finn.calls('request_contact', { user_id: eve.user })
  expect(crossing).toAnswer('contact_added', { user_id: eve.user })
  eve.receives('contact_approved', { user_id: finn.user })
})

test('refuses to let Gina ask herself, or a user whom she blocks', async () => {
  const herself = await gina.calls('request_contact', { user_id: gina.user })
  expect(herself).toBeRefused('bad_payload', { user_id: 'is yourself' })
  await gina.calls('block_user', { user_id: hugo.user })
  expect(await gina.calls('request_contact', { user_id: hugo.user })).toBeRefused('conflict')
  expect(hugo.unread()).toEqual([])
})
