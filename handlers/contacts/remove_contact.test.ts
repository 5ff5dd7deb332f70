import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora } = await stage('contacts')

test('removes a contact for both, and tells Bob once', async () => {
  await alice.calls('request_contact', { user_id: bob.user })
  await bob.calls('accept_contact', { user_id: alice.user })
  bob.unread()

  const removes = () => alice.calls('remove_contact', { user_id: bob.user })
  const answer = { event: 'contact_updated', user_id: bob.user, state: 'none' }
  expect(await removes()).toMatchObject(answer)
  expect(await removes()).toMatchObject(answer)
  expect(bob.unread()).toMatchObject([{ event: 'contact_removed', user_id: alice.user }])
  expect(await bob.calls('get_contact_list')).toMatchObject({ contacts: [] })
})

test('refuses with not_found when there is only a request', async () => {
  await carl.calls('request_contact', { user_id: dora.user })
  expect(await dora.calls('remove_contact', { user_id: carl.user })).toBeRefused('not_found')
  expect(await dora.calls('get_contact_list')).toMatchObject({ contacts: [{ state: 'requesting' }] })
})
