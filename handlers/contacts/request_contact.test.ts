import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts')
})
afterAll(() => stage.close())

test('tells Bob who asks and why, and Alice that it was sent', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const answer = await alice.asks('request_contact', { user_id: bob.user, note: 'we met in Rome' })
  expect(answer).toMatchObject({ event: 'contact_request_sent', user_id: bob.user })
  expect(await bob.receives('contact_requested')).toMatchObject({ user_id: alice.user, note: 'we met in Rome' })
})

test('notifies Dora once, however often Carl asks', async () => {
  const [carl, dora] = [await stage.device('carl'), await stage.device('dora')]
  await carl.asks('request_contact', { user_id: dora.user })
  await dora.receives('contact_requested')
  const again = await carl.asks('request_contact', { user_id: dora.user, note: 'hello?' })
  expect(again).toMatchObject({ event: 'contact_request_sent', user_id: dora.user })
  expect(await dora.unread()).toEqual([])
})

test('makes contacts of Eve and Finn, who ask each other', async () => {
  const [eve, finn] = [await stage.device('eve'), await stage.device('finn')]
  await eve.asks('request_contact', { user_id: finn.user })
  const crossing = await finn.asks('request_contact', { user_id: eve.user })
  expect(crossing).toMatchObject({ event: 'contact_added', user_id: eve.user })
  expect(await eve.receives('contact_approved')).toMatchObject({ user_id: finn.user })
})

test('refuses to let Gina ask herself, or a user whom she blocks', async () => {
  const [gina, hugo] = [await stage.device('gina'), await stage.device('hugo')]
  expect(await gina.asks('request_contact', { user_id: gina.user })).toMatchObject({
    event: 'command_rejected',
    code: 'bad_payload',
    fields: { user_id: 'is yourself' },
  })
  await gina.asks('block_user', { user_id: hugo.user })
  expect(await gina.asks('request_contact', { user_id: hugo.user })).toMatchObject({ code: 'conflict' })
  expect(await hugo.unread()).toEqual([])
})
