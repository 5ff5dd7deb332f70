import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora } = await stage('contacts')

test('tells Alice that Bob declined, once, and lets her ask again', async () => {
  await alice.calls('request_contact', { user_id: bob.user })
  const declines = () => bob.calls('reject_contact', { user_id: alice.user })
  const answer = { event: 'contact_updated', user_id: alice.user, state: 'none' }
  expect(await declines()).toMatchObject(answer)
  expect(await declines()).toMatchObject(answer)
  expect(alice.unread()).toMatchObject([{ event: 'contact_rejected', user_id: bob.user }])

  bob.unread()
  await alice.calls('request_contact', { user_id: bob.user })
  expect(bob.unread()).toMatchObject([{ event: 'contact_requested' }])
})

test('refuses with not_found when the other is a stranger or already a contact', async () => {
  expect(await carl.calls('reject_contact', { user_id: dora.user })).toBeRefused('not_found')
  await carl.calls('request_contact', { user_id: dora.user })
  await dora.calls('accept_contact', { user_id: carl.user })
  expect(await dora.calls('reject_contact', { user_id: carl.user })).toBeRefused('not_found')
})
