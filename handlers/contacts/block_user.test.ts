import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts')
})
afterAll(() => stage.close())

test('does not let Mallory detect that Bob blocks her: every answer is the same as with Zoe, who never connects', async () => {
  const [mallory, bob] = [await stage.device('mallory'), await stage.device('bob')]
  await bob.asks('block_user', { user_id: mallory.user })
  const tries = ['request_contact', 'request_contact', 'accept_contact', 'cancel_contact_request', 'reject_contact']
  const looks = async (user_id: string) => {
    const seen: string[] = []
    for (const command of [...tries, 'remove_contact', 'request_contact', 'cancel_contact_request']) {
      for (const answer of [await mallory.asks(command, { user_id }), await mallory.asks('get_contact_list')]) {
        const { re: _re, at: _at, event_seq: _seq, ...fields } = answer
        seen.push(JSON.stringify(fields).replaceAll(user_id, 'them'))
      }
    }
    return seen
  }
  expect(await looks(bob.user)).toEqual(await looks('zoe'))
  expect(await mallory.unread()).toEqual([])
  expect(await bob.unread()).toEqual([])
})

test('after Carl blocks Dora, Dora still sees a contact and Carl does not', async () => {
  const [carl, dora] = [await stage.device('carl'), await stage.device('dora')]
  await dora.asks('request_contact', { user_id: carl.user })
  await carl.asks('accept_contact', { user_id: dora.user })
  await Promise.all([carl.unread(), dora.unread()])

  expect(await carl.asks('block_user', { user_id: dora.user })).toMatchObject({ event: 'block_list', users: ['dora'] })
  expect(await carl.asks('block_user', { user_id: dora.user })).toMatchObject({ event: 'block_list', users: ['dora'] })
  expect(await carl.asks('get_contact_list')).toMatchObject({ contacts: [] })
  expect(await dora.asks('get_contact_list')).toMatchObject({ contacts: [{ user_id: 'carl', state: 'contact' }] })
  expect(await dora.asks('remove_contact', { user_id: carl.user })).toMatchObject({ event: 'contact_updated' })
  expect(await carl.unread()).toEqual([])
  expect(await dora.unread()).toEqual([])
})

test('lets Eve accept the request that Finn made before he blocked her, without telling Finn', async () => {
  const [eve, finn] = [await stage.device('eve'), await stage.device('finn')]
  await finn.asks('request_contact', { user_id: eve.user })
  await finn.asks('block_user', { user_id: eve.user })
  expect(await finn.asks('cancel_contact_request', { user_id: eve.user })).toMatchObject({ code: 'not_found' })
  expect(await eve.asks('accept_contact', { user_id: finn.user })).toMatchObject({ event: 'contact_added' })
  expect(await finn.unread()).toEqual([])
})

test('refuses to let Gina block herself', async () => {
  const gina = await stage.device('gina')
  expect(await gina.asks('block_user', { user_id: gina.user })).toMatchObject({ code: 'bad_payload' })
})
