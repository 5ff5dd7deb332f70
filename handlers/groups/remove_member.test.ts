import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups', 'messaging'])
})
afterAll(() => stage.close())

test('a removed member hears of it and of nothing later; to them the group looks missing', async () => {
  const [alice, bob, carl] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carl')]
  const group_id = await gather(alice, bob, carl)
  const { message_id } = await bob.asks('send_message', { group_id, body: 'mine' })
  await Promise.all([alice.unread(), bob.unread(), carl.unread()])
  const answer = await alice.asks('remove_member', { group_id, user_id: 'bob' })
  expect(answer).toMatchObject({ event: 'group_updated', change: 'member_removed', user_id: 'bob' })
  for (const one of [bob, carl]) {
    expect(await one.receives('group_changed')).toMatchObject({ change: 'member_removed', user_id: 'bob' })
  }
  await carl.asks('send_message', { group_id, body: 'without him' })
  expect(await bob.unread()).toEqual([])
  const foreign = { code: 'forbidden' }
  expect(await bob.asks('get_messages', { group_id })).toMatchObject(foreign)
  expect(await bob.asks('send_message', { group_id, body: 'x' })).toMatchObject(foreign)
  expect(await bob.asks('edit_message', { message_id, body: 'x' })).toMatchObject({ code: 'not_found' })
  expect(await bob.asks('get_group', { group_id })).toMatchObject(foreign)
  expect(await bob.asks('get_group_list')).toMatchObject({ groups: [] })
})

test('an admin removes plain members, but neither the owner nor another admin; a plain member removes nobody', async () => {
  const names = ['dora', 'eve', 'finn', 'gus']
  const [dora, eve, finn, gus] = await Promise.all(names.map((name) => stage.device(name)))
  const group_id = await gather(dora!, eve!, finn!, gus!)
  await dora!.asks('set_member_role', { group_id, user_id: 'eve', role: 'admin' })
  await dora!.asks('set_member_role', { group_id, user_id: 'finn', role: 'admin' })
  const out = (by: typeof dora, user_id: string) => by!.asks('remove_member', { group_id, user_id })
  expect(await out(eve, 'dora')).toMatchObject({ code: 'forbidden' })
  expect(await out(eve, 'finn')).toMatchObject({ code: 'forbidden' })
  expect(await out(gus, 'eve')).toMatchObject({ code: 'forbidden' })
  expect(await out(gus, 'nobody')).toMatchObject({ code: 'forbidden' })
  expect(await out(eve, 'nobody')).toMatchObject({ code: 'not_found' })
  expect(await out(eve, 'eve')).toMatchObject({ code: 'bad_payload' })
  expect(await out(eve, 'gus')).toMatchObject({ change: 'member_removed' })
  expect(await out(dora, 'finn')).toMatchObject({ change: 'member_removed' })
})
