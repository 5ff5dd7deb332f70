import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups', 'messaging'])
})
afterAll(() => stage.close())

test('a new member and all others hear of it, and the new member sees messages from then on', async () => {
  const [alice, bob, carl] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carl')]
  const group_id = await gather(alice, bob)
  await befriend(alice, carl)
  await bob.asks('send_message', { group_id, body: 'before' })
  const answer = await alice.asks('add_member', { group_id, user_id: 'carl' })
  expect(answer).toMatchObject({ event: 'group_updated', change: 'member_added', user_id: 'carl', seq: 3 })
  for (const one of [bob, carl]) {
    expect(await one.receives('group_changed')).toMatchObject({ by: 'alice', change: 'member_added', user_id: 'carl' })
  }
  await bob.asks('send_message', { group_id, body: 'after' })
  expect(await carl.receives('message_received')).toMatchObject({ from: 'bob', group_id, body: 'after', seq: 4 })
  const page = await carl.asks('get_messages', { group_id })
  expect(page).toMatchObject({ messages: [{ seq: 3, system: { change: 'member_added' } }, { seq: 4 }], more: false })
  expect(await carl.asks('get_messages', { group_id, after: 0, limit: 1 })).toMatchObject({ messages: [{ seq: 3 }] })
  expect(await alice.asks('add_member', { group_id, user_id: 'carl' })).not.toHaveProperty('message_id')
  expect(await carl.unread()).toEqual([])
})

test('refuses to add a user whom the caller could not message, to add the caller, and to let a plain member add anyone', async () => {
  const [dora, eve, finn] = [await stage.device('dora'), await stage.device('eve'), await stage.device('finn')]
  const group_id = await gather(dora, eve)
  await befriend(eve, finn)
  expect(await dora.asks('add_member', { group_id, user_id: 'finn' })).toMatchObject({ code: 'forbidden' })
  expect(await dora.asks('add_member', { group_id, user_id: 'nobody' })).toMatchObject({ code: 'forbidden' })
  expect(await eve.asks('add_member', { group_id, user_id: 'finn' })).toMatchObject({ code: 'forbidden' })
  expect(await dora.asks('add_member', { group_id, user_id: 'dora' })).toMatchObject({ code: 'bad_payload' })
  expect(await finn.asks('add_member', { group_id, user_id: 'eve' })).toMatchObject({ code: 'forbidden' })
  expect(await finn.unread()).toEqual([])
})

test('a user who blocks whoever adds them only seems to be a member; another admin can really add them', async () => {
  const [gus, hal, ida] = [await stage.device('gus'), await stage.device('hal'), await stage.device('ida')]
  const group_id = await gather(gus, hal)
  await befriend(gus, ida)
  await befriend(hal, ida)
  await ida.asks('block_user', { user_id: 'gus' })
  await ida.unread()
  expect(await gus.asks('add_member', { group_id, user_id: 'ida' })).toMatchObject({ change: 'member_added', seq: 2 })
  expect(await gus.asks('get_group', { group_id })).toMatchObject({ members: 3 })
  expect(await ida.asks('get_group', { group_id })).toMatchObject({ code: 'forbidden' })
  await gus.asks('set_member_role', { group_id, user_id: 'hal', role: 'admin' })
  expect(await ida.unread()).toEqual([])
  await gus.unread()
  expect(await hal.asks('add_member', { group_id, user_id: 'ida' })).not.toHaveProperty('message_id')
  expect(await gus.unread()).toEqual([])
  expect(await ida.receives('group_changed')).toMatchObject({ by: 'hal', change: 'member_added', user_id: 'ida' })
  expect(await ida.asks('get_group', { group_id })).toMatchObject({ role: 'member', members: 3 })
})
