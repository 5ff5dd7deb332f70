import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { eve, finn, person } = await stage('contacts')

test('shows Alice her contacts, the users whom she asked and those who asked her, and nobody else', async () => {
  const [alice, bob, carl, dora] = ['alice', 'bob', 'carl', 'dora'].map(person)
  await bob!.calls('request_contact', { user_id: alice!.user })
  await alice!.calls('accept_contact', { user_id: bob!.user })
  await alice!.calls('request_contact', { user_id: carl!.user, note: 'ciao' })
  await dora!.calls('request_contact', { user_id: alice!.user })
  await dora!.calls('request_contact', { user_id: carl!.user })

  const { contacts, cursor } = (await alice!.calls('get_contact_list')).as('contact_list')
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
  for (const user_id of ['a', 'x', 'b']) await eve.calls('request_contact', { user_id })
  const first = (await eve.calls('get_contact_list', { limit: 2 })).as('contact_list')
  expect(first).toMatchObject({ contacts: [{ user_id: 'a' }, { user_id: 'b' }] })
  const second = (await eve.calls('get_contact_list', { limit: 2, cursor: first['cursor'] })).as('contact_list')
  expect(second['contacts']).toMatchObject([{ user_id: 'x' }])
  expect(second).not.toHaveProperty('cursor')
})

test('refuses a limit out of bounds and an invalid cursor', async () => {
  for (const page of [{ limit: 0 }, { limit: 101 }, { limit: 1.5 }, { cursor: 'no cursor' }]) {
    const fields = Object.fromEntries(Object.keys(page).map((field) => [field, expect.any(String)]))
    expect(await finn.calls('get_contact_list', page)).toMatchObject({ code: 'bad_payload', fields })
  }
})
