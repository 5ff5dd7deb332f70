import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts')
})
afterAll(() => stage.close())

test('cancels the request that Alice sent to Bob, and tells Bob', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await alice.asks('request_contact', { user_id: bob.user })
  const answer = await alice.asks('cancel_contact_request', { user_id: bob.user })
  expect(answer).toMatchObject({ event: 'contact_updated', user_id: bob.user, state: 'none' })
  expect(await bob.receives('contact_request_cancelled')).toMatchObject({ user_id: alice.user })
  expect(await bob.asks('accept_contact', { user_id: alice.user })).toMatchObject({ code: 'not_found' })
})

test("does not let Dora cancel Carl's request", async () => {
  const [carl, dora] = [await stage.device('carl'), await stage.device('dora')]
  await carl.asks('request_contact', { user_id: dora.user })
  expect(await dora.asks('cancel_contact_request', { user_id: carl.user })).toMatchObject({ code: 'not_found' })
  expect(await carl.unread()).toEqual([])
})
