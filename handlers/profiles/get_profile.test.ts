import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'profiles'])
})
afterAll(() => stage.close())

test('shows a contact the whole profile, and a stranger the name and avatar', async () => {
  const [alice, bob, carl] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carl')]
  await befriend(alice, bob)
  const fields = { name: 'Alice', avatar: 'file-7', status_text: 'secret', phone: '555' }
  await alice.asks('update_profile', { fields })
  expect(await bob.asks('get_profile', { user_id: 'alice' })).toMatchObject({
    event: 'profile',
    user_id: 'alice',
    fields,
  })
  expect((await carl.asks('get_profile', { user_id: 'alice' }))['fields']).toEqual({ name: 'Alice', avatar: 'file-7' })
  await bob.asks('remove_contact', { user_id: 'alice' })
  expect((await bob.asks('get_profile', { user_id: 'alice' }))['fields']).toEqual({ name: 'Alice', avatar: 'file-7' })
})

test('a blocked user sees what a stranger sees; a missing user looks like one without a profile', async () => {
  const [dora, eve, zed] = [await stage.device('dora'), await stage.device('eve'), await stage.device('zed')]
  await befriend(dora, eve)
  await dora.asks('update_profile', { fields: { name: 'Dora', status_text: 'here' } })
  await dora.asks('block_user', { user_id: 'eve' })
  const fields = async (asker: typeof eve, user_id: string) => (await asker.asks('get_profile', { user_id }))['fields']
  expect(await fields(eve, 'dora')).toEqual(await fields(zed, 'dora'))
  expect(await fields(zed, 'eve')).toEqual(await fields(zed, 'never-seen'))
})
