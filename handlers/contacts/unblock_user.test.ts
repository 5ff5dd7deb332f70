import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, carl, mallory } = await stage('contacts')

test('sends Alice nothing late, and lists the request that Mallory made while blocked', async () => {
  await alice.calls('block_user', { user_id: mallory.user })
  await mallory.calls('request_contact', { user_id: alice.user })

  expect(await alice.calls('unblock_user', { user_id: mallory.user })).toAnswer('block_list', { users: [] })
  expect(alice.unread()).toEqual([])
  expect(await alice.calls('get_contact_list')).toMatchObject({
    contacts: [{ user_id: 'mallory', state: 'requesting' }],
  })
  expect(mallory.unread()).toEqual([])

  await alice.calls('accept_contact', { user_id: mallory.user })
  mallory.receives('contact_approved', { user_id: alice.user })
})

test('answers with the list when nobody was blocked', async () => {
  expect(await carl.calls('unblock_user', { user_id: 'nobody' })).toAnswer('block_list', { users: [] })
})
