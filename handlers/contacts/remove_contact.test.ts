import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts')
})
afterAll(() => stage.close())

test('removes a contact for both, and tells Bob once', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await alice.asks('request_contact', { user_id: bob.user })
  await bob.asks('accept_contact', { user_id: alice.user })
  await bob.unread()

  const removes = () => alice.asks('remove_contact', { user_id: bob.user })
  const answer = { event: 'contact_updated', user_id: bob.user, state: 'none' }
  expect(await removes()).toMatchObject(answer)
  expect(await removes()).toMatchObject(answer)
  expect(await bob.unread()).toMatchObject([{ event: 'contact_removed', user_id: alice.user }])
  expect(await bob.asks('get_contact_list')).toMatchObject({ contacts: [] })
})

test('refuses with not_found when there is only a request', async () => {
  const [carl, dora] = [await stage.device('carl'), await stage.device('dora')]
  await carl.asks('request_contact', { user_id: dora.user })
  expect(await dora.asks('remove_contact', { user_id: carl.user })).toMatchObject({ code: 'not_found' })
  expect(await dora.asks('get_contact_list')).toMatchObject({ contacts: [{ state: 'requesting' }] })
})
