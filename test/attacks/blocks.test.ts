import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device, Received } from '../device.ts'
import { befriend, gather } from '../friends.ts'
import { openStage, type Stage } from '../stage.ts'

// A user blocked by a contact gets what they would get if that contact were away: the same answers and events, number by number.

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

/** The parts that are the same in every run. */
const bare = (one: Received): object => ({ ...one, re: '', at: '', event_seq: 0, conference_id: '', message_id: '' })
const SDP = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'

test.each(['the one in it', 'the one who joins'])(
  'when %s blocks in a conference, neither sees the other, and the answers are those of a conference without them',
  async (who) => {
    const user = (name: string): string => `${name}-${who.replaceAll(' ', '-')}`
    const [vic, mal, carl] = [
      await stage.device(user('vic')),
      await stage.device(user('mal')),
      await stage.device(user('carl')),
    ]
    const [by, blocked] = who === 'the one in it' ? [vic, mal] : [mal, vic]
    await by.asks('block_user', { user_id: blocked.user })
    const said: Received[][] = []
    for (const isThere of [true, false]) {
      const made = await carl.asks('create_conference')
      const [conference_id, token] = [made['conference_id'], made['token']]
      if (isThere) await vic.asks('join_conference', { conference_id, token })
      await Promise.all([vic.unread(), carl.unread()])
      said.push([
        await mal.asks('join_conference', { conference_id, token }),
        await mal.asks('signal_conference', { conference_id, type: 'offer', body: SDP }),
        await mal.asks('signal_conference', { conference_id, type: 'offer', body: SDP, target: vic.user }),
        await mal.asks('send_conference_message', { conference_id, body: 'hello' }),
      ])
      if (isThere) {
        await vic.asks('signal_conference', { conference_id, type: 'offer', body: SDP })
        await vic.asks('send_conference_message', { conference_id, body: 'hello' })
        for (const from of [mal, vic]) {
          expect(await carl.receives('signal')).toMatchObject({ origin: from.user })
          expect(await carl.receives('conference_message')).toMatchObject({ user_id: from.user })
        }
        await vic.asks('leave_conference', { conference_id })
        expect(await vic.unread()).toEqual([])
      }
      expect(await mal.unread()).toEqual([])
      said.at(-1)!.push(await mal.asks('leave_conference', { conference_id }))
    }
    const [withHim, without] = said.map((answers) =>
      answers.map((one) => bare({ ...one, ...('participant_id' in one && { participant_id: '' }) })),
    )
    const seats = (answers: object[] | undefined) => JSON.stringify(answers).replace(/"participant_id":"[^"]*"/g, '')
    expect(seats(withHim)).toBe(seats(without))
  },
)

test('after a block made in a conference each finds the other away, and nothing reveals the block', async () => {
  const said: string[] = []
  for (const how of ['loses their connection', 'blocks']) {
    const user = (who: string): string => `${who}-${how.replaceAll(' ', '-')}`
    const [vic, mal, carl] = [
      await stage.device(user('vic')),
      await stage.device(user('mal')),
      await stage.device(user('carl')),
    ]
    const { conference_id, token } = await carl.asks('create_conference')
    const joins = (one: Device) => one.asks('join_conference', { conference_id, token })
    const says = (by: Device, target?: string) => by.asks('signal_conference', { conference_id, type: 'bye', target })
    await joins(vic)
    await joins(mal)
    await Promise.all([vic.unread(), mal.unread(), carl.unread()])
    if (how === 'blocks') await vic.asks('block_user', { user_id: mal.user })
    else await vic.leaves()
    const answers = [await says(mal, vic.user), await says(mal), await joins(mal), await says(mal, vic.user)]
    if (how === 'blocks') {
      expect(bare(await says(vic, mal.user))).toEqual(bare(answers[0]!))
      await says(vic)
      await joins(vic)
      expect(await mal.unread()).toEqual([])
      await vic.asks('leave_conference', { conference_id })
      await joins(vic)
      await mal.asks('send_conference_message', { conference_id, body: 'hello' })
      expect(await vic.asks('leave_conference', { conference_id })).toMatchObject({ event: 'conference_left' })
      expect(await vic.unread()).toEqual([])
    } else await mal.asks('send_conference_message', { conference_id, body: 'hello' })
    answers.push(await says(mal, vic.user), await joins(mal), ...(await mal.unread()))
    const heard = (await carl.unread()).filter(({ user_id, origin }) => [user_id, origin].includes(mal.user))
    const ids = /"(?:participant_id|conference_id|message_id|sent_at)":"[^"]*"/g
    said.push(
      JSON.stringify([...answers, ...heard].map(bare))
        .replaceAll(user(''), '')
        .replace(ids, ''),
    )
  }
  expect(said[1]).toBe(said[0])
})

test('in a group, two users with a block between them get each other’s messages, but no typing and no receipts', async () => {
  const [gwen, hugo, ivan] = [await stage.device('gwen'), await stage.device('hugo'), await stage.device('ivan')]
  const group_id = await gather(gwen, hugo, ivan)
  await hugo.asks('block_user', { user_id: 'ivan' })
  await hugo.unread()
  for (const [by, other] of [
    [hugo, ivan],
    [ivan, hugo],
  ] as const) {
    await by.sends('typing', { group_id })
    expect(await gwen.receives('user_typing')).toMatchObject({ user_id: by.user })
    const { message_id, seq } = await by.asks('send_message', { group_id, body: 'hello' })
    expect(await other.receives('message_received')).toMatchObject({ message_id })
    await other.asks('ack_message', { message_ids: [message_id] })
    await other.asks('mark_read', { group_id, up_to: seq })
    expect((await by.unread()).map(({ event }) => event)).toEqual(['message_received'])
    expect(await other.unread()).toEqual([])
  }
})
