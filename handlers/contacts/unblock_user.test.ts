import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts')
})
afterAll(() => stage.close())

test('sends Alice nothing late, and lists the request that Mallory made while blocked', async () => {
  const [alice, mallory] = [await stage.device('alice'), await stage.device('mallory')]
  await alice.asks('block_user', { user_id: mallory.user })
  await mallory.asks('request_contact', { user_id: alice.user })

  expect(await alice.asks('unblock_user', { user_id: mallory.user })).toMatchObject({ event: 'block_list', users: [] })
  expect(await alice.unread()).toEqual([])
  expect(await alice.asks('get_contact_list')).toMatchObject({
    contacts: [{ user_id: 'mallory', state: 'requesting' }],
  })
  expect(await mallory.unread()).toEqual([])

  await alice.asks('accept_contact', { user_id: mallory.user })
  expect(await mallory.receives('contact_approved')).toMatchObject({ user_id: alice.user })
})

test('answers with the list when nobody was blocked', async () => {
  const carl = await stage.device('carl')
  expect(await carl.asks('unblock_user', { user_id: 'nobody' })).toMatchObject({ event: 'block_list', users: [] })
})
