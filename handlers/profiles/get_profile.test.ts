import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, person } = await stage(['contacts', 'profiles'])

test('shows a contact the whole profile, and a stranger the name and avatar', async () => {
  await befriend(alice, bob)
  const fields = { name: 'Alice', avatar: 'file-7', status_text: 'secret', phone: '555' }
  await alice.calls('update_profile', { fields })
  expect(await bob.calls('get_profile', { user_id: 'alice' })).toAnswer('profile', {
    user_id: 'alice',
    fields,
  })
  expect((await carl.calls('get_profile', { user_id: 'alice' }))['fields']).toEqual({ name: 'Alice', avatar: 'file-7' })
  await bob.calls('remove_contact', { user_id: 'alice' })
  expect((await bob.calls('get_profile', { user_id: 'alice' }))['fields']).toEqual({ name: 'Alice', avatar: 'file-7' })
})

test('a blocked user sees what a stranger sees; a missing user looks like one without a profile', async () => {
  const zed = person('zed')
  await befriend(dora, eve)
  await dora.calls('update_profile', { fields: { name: 'Dora', status_text: 'here' } })
  await dora.calls('block_user', { user_id: 'eve' })
  const fields = async (asker: typeof eve, user_id: string) => (await asker.calls('get_profile', { user_id }))['fields']
  expect(await fields(eve, 'dora')).toEqual(await fields(zed, 'dora'))
  expect(await fields(zed, 'eve')).toEqual(await fields(zed, 'never-seen'))
})
