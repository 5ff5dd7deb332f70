import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts')
})
afterAll(() => stage.close())

test('shows Alice her contacts, the users whom she asked and those who asked her, and nobody else', async () => {
  const [alice, bob, carl, dora] = await Promise.all(['alice', 'bob', 'carl', 'dora'].map((name) => stage.device(name)))
  await bob!.asks('request_contact', { user_id: alice!.user })
  await alice!.asks('accept_contact', { user_id: bob!.user })
  await alice!.asks('request_contact', { user_id: carl!.user, note: 'ciao' })
  await dora!.asks('request_contact', { user_id: alice!.user })
  await dora!.asks('request_contact', { user_id: carl!.user })

  const { contacts, cursor } = await alice!.asks('get_contact_list')
  expect({ contacts, cursor }).toEqual({
    contacts: [
      { user_id: 'bob', state: 'contact' },
      { user_id: 'carl', state: 'requested', note: 'ciao' },
      { user_id: 'dora', state: 'requesting' },
    ],
    cursor: undefined,
  })
})

test('returns the list in pages', async () => {
  const eve = await stage.device('eve')
  for (const user_id of ['a', 'x', 'b']) await eve.asks('request_contact', { user_id })
  const first = await eve.asks('get_contact_list', { limit: 2 })
  expect(first).toMatchObject({ contacts: [{ user_id: 'a' }, { user_id: 'b' }] })
  const second = await eve.asks('get_contact_list', { limit: 2, cursor: first['cursor'] })
  expect(second['contacts']).toMatchObject([{ user_id: 'x' }])
  expect(second).not.toHaveProperty('cursor')
})

test('refuses a limit out of bounds and an invalid cursor', async () => {
  const finn = await stage.device('finn')
  for (const page of [{ limit: 0 }, { limit: 101 }, { limit: 1.5 }, { cursor: 'no cursor' }]) {
    const fields = Object.fromEntries(Object.keys(page).map((field) => [field, expect.any(String)]))
    expect(await finn.asks('get_contact_list', page)).toMatchObject({ code: 'bad_payload', fields })
  }
})
