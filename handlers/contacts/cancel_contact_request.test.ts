import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora } = await stage('contacts')

test('cancels the request that Alice sent to Bob, and tells Bob', async () => {
  await alice.calls('request_contact', { user_id: bob.user })
  const answer = await alice.calls('cancel_contact_request', { user_id: bob.user })
  expect(answer).toAnswer('contact_updated', { user_id: bob.user, state: 'none' })
  bob.receives('contact_request_cancelled', { user_id: alice.user })
  expect(await bob.calls('accept_contact', { user_id: alice.user })).toBeRefused('not_found')
})

test("does not let Dora cancel Carl's request", async () => {
  await carl.calls('request_contact', { user_id: dora.user })
  expect(await dora.calls('cancel_contact_request', { user_id: carl.user })).toBeRefused('not_found')
  expect(carl.unread()).toEqual([])
})
