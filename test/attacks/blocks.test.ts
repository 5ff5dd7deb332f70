import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device, Received } from '../device.ts'
import { befriend } from '../friends.ts'
import { openStage, type Stage } from '../stage.ts'

// One who is blocked by a contact gets what he would get if that contact were away: the same answers and events, number by number.

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups', 'messaging', 'signaling', 'profiles'], {
    HIDE_PRIVATE_ADDRESSES: 'true',
  })
})
afterAll(() => stage.close())

type Play = (me: Device, other: string, third: Device) => Promise<Received[]>

const PLAYS: Record<string, Play> = {
  'leaving a group that he made with him': async (me, other) => {
    const { group_id } = await me.asks('create_group', { title: 'Some', members: [other] })
    return [await me.asks('leave_group', { group_id })]
  },
  'leaving a group in which he is an admin': async (me, other, third) => {
    const { group_id } = await me.asks('create_group', { title: 'Some', members: [third.user, other] })
    await me.asks('set_member_role', { group_id, user_id: other, role: 'admin' })
    return [await me.asks('leave_group', { group_id })]
  },
  'adding him again when he is a contact no more': async (me, other) => {
    const { group_id } = await me.asks('create_group', { title: 'Some', members: [other] })
    await me.asks('remove_contact', { user_id: other })
    return [await me.asks('add_member', { group_id, user_id: other })]
  },
  'a candidate of which nothing is left to be passed on': async (me, target) => {
    const body = 'candidate:1 1 udp 1 10.0.0.1 9 typ host'
    return [await me.asks('signal', { target, type: 'candidate', body })]
  },
  'a candidate that is passed on': async (me, target) => {
    const body = 'candidate:1 1 udp 1 1.1.1.1 9 typ host'
    return [await me.asks('signal', { target, type: 'candidate', body })]
  },
  'writing, typing and editing': async (me, to) => {
    const { message_id } = await me.asks('send_message', { to, body: 'hello' })
    await me.sends('typing', { to })
    return [await me.asks('edit_message', { message_id, body: 'bye' }), await me.asks('get_messages', { with: to })]
  },
}

test.each(Object.keys(PLAYS))('%s', async (name) => {
  const seen: string[] = []
  for (const how of ['away', 'blocks']) {
    const user = (who: string): string => `${who}-${how}-${name.replaceAll(' ', '-')}`
    const [me, other, third] = [
      await stage.device(user('me')),
      await stage.device(user('other')),
      await stage.device(user('third')),
    ]
    await befriend(me, other)
    await befriend(me, third)
    if (how === 'blocks') await other.asks('block_user', { user_id: me.user })
    await other.leaves()
    await me.unread()
    const said = [...(await PLAYS[name]!(me, other.user, third)), ...(await me.unread())]
    const own = /"(?:re|at|sent_at|edited_at|\w*id)":"[^"]*"/g
    seen.push(
      JSON.stringify(said)
        .replaceAll(`-${how}-`, '-')
        .replace(own, (field) => (field.includes('user_id') ? field : '""')),
    )
  }
  expect(seen[1]).toBe(seen[0])
})
