import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { bob, carl, dora, eve, finn, gina, mallory } = await stage('contacts')

test('does not let Mallory detect that Bob blocks her: every answer is the same as with Zoe, who never connects', async () => {
  await bob.calls('block_user', { user_id: mallory.user })
  const tries = [
    'request_contact',
    'request_contact',
    'accept_contact',
    'cancel_contact_request',
    'reject_contact',
  ] as const
  const looks = async (user_id: string) => {
    const seen: string[] = []
    for (const command of [...tries, 'remove_contact', 'request_contact', 'cancel_contact_request'] as const) {
      for (const answer of [await mallory.calls(command, { user_id }), await mallory.calls('get_contact_list')]) {
        const { re: _re, at: _at, event_seq: _seq, ...fields } = answer
        seen.push(JSON.stringify(fields).replaceAll(user_id, 'them'))
      }
    }
    return seen
  }
  expect(await looks(bob.user)).toEqual(await looks('zoe'))
  expect(mallory.unread()).toEqual([])
  expect(bob.unread()).toEqual([])
})

test('after Carl blocks Dora, Dora still sees a contact and Carl does not', async () => {
  await dora.calls('request_contact', { user_id: carl.user })
  await carl.calls('accept_contact', { user_id: dora.user })
  for (const one of [carl, dora]) one.unread()

  expect(await carl.calls('block_user', { user_id: dora.user })).toAnswer('block_list', { users: ['dora'] })
  expect(await carl.calls('block_user', { user_id: dora.user })).toAnswer('block_list', { users: ['dora'] })
  expect(await carl.calls('get_contact_list')).toMatchObject({ contacts: [] })
  expect(await dora.calls('get_contact_list')).toMatchObject({ contacts: [{ user_id: 'carl', state: 'contact' }] })
  expect(await dora.calls('remove_contact', { user_id: carl.user })).toAnswer('contact_updated')
  expect(carl.unread()).toEqual([])
  expect(dora.unread()).toEqual([])
})

test('lets Eve accept the request that Finn made before he blocked her, without telling Finn', async () => {
  await finn.calls('request_contact', { user_id: eve.user })
  await finn.calls('block_user', { user_id: eve.user })
  expect(await finn.calls('cancel_contact_request', { user_id: eve.user })).toBeRefused('not_found')
  expect(await eve.calls('accept_contact', { user_id: finn.user })).toAnswer('contact_added')
  expect(finn.unread()).toEqual([])
})

test('refuses to let Gina block herself', async () => {
  expect(await gina.calls('block_user', { user_id: gina.user })).toBeRefused('bad_payload')
})
