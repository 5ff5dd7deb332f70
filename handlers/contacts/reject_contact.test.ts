import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts')
})
afterAll(() => stage.close())

test('tells Alice that Bob declined, once, and lets her ask again', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await alice.asks('request_contact', { user_id: bob.user })
  const declines = () => bob.asks('reject_contact', { user_id: alice.user })
  const answer = { event: 'contact_updated', user_id: alice.user, state: 'none' }
  expect(await declines()).toMatchObject(answer)
  expect(await declines()).toMatchObject(answer)
  expect(await alice.unread()).toMatchObject([{ event: 'contact_rejected', user_id: bob.user }])

  await bob.unread()
  await alice.asks('request_contact', { user_id: bob.user })
  expect(await bob.unread()).toMatchObject([{ event: 'contact_requested' }])
})

test('refuses with not_found when the other is a stranger or already a contact', async () => {
  const [carl, dora] = [await stage.device('carl'), await stage.device('dora')]
  expect(await carl.asks('reject_contact', { user_id: dora.user })).toMatchObject({ code: 'not_found' })
  await carl.asks('request_contact', { user_id: dora.user })
  await dora.asks('accept_contact', { user_id: carl.user })
  expect(await dora.asks('reject_contact', { user_id: carl.user })).toMatchObject({ code: 'not_found' })
})
