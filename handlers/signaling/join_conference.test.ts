import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device } from '../../test/device.ts'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'signaling'])
})
afterAll(() => stage.close())

async function creates(by: Device, invite: Device[] = []): Promise<{ conference_id: string; token: string }> {
  for (const one of invite) await befriend(by, one)
  const made = await by.asks('create_conference', { title: 'Standup', invite: invite.map(({ user }) => user) })
  return { conference_id: made['conference_id'] as string, token: made['token'] as string }
}

test('an invited user joins by the token; all others hear of it; a user who comes back has their old seat', async () => {
  const [alice, bob, carl] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carl')]
  const { conference_id, token } = await creates(alice, [bob])
  expect(await bob.receives('conference_invited')).toMatchObject({
    conference_id,
    token,
    by: 'alice',
    title: 'Standup',
  })
  const joined = await bob.asks('join_conference', { conference_id, token })
  expect(joined).toMatchObject({
    event: 'conference_joined',
    resumed: false,
    participants: [{ user_id: 'alice', polite: false }],
  })
  const { participant_id } = joined
  const seat = { conference_id, user_id: 'bob', participant_id }
  expect(await alice.receives('participant_joined')).toMatchObject({ ...seat, polite: true })
  await carl.asks('join_conference', { conference_id, token }) // the token alone is enough
  for (const one of [alice, bob]) expect(await one.receives('participant_joined')).toMatchObject({ user_id: 'carl' })

  await bob.leaves()
  const back = await stage.device('bob')
  expect(await back.asks('join_conference', { conference_id, token })).toMatchObject({ resumed: true, participant_id })
  for (const one of [alice, carl]) expect(await one.receives('participant_resumed')).toMatchObject(seat)
  expect((await alice.unread()).map(({ event }) => event)).toEqual([])
})

test('a conference looks missing without its token, after its end, and to a user whom its owner blocks', async () => {
  const [dora, eve] = [await stage.device('dora'), await stage.device('eve')]
  const { conference_id, token } = await creates(dora)
  const joins = (fields: object) => eve.asks('join_conference', { conference_id, token, ...fields })
  const absent = await joins({ conference_id: 'A'.repeat(22) })
  expect(absent).toMatchObject({ code: 'forbidden' })
  const bare = (one: object): object => ({ ...one, re: '', at: '', event_seq: 0 })
  expect(bare(await joins({ token: 'A'.repeat(32) }))).toEqual(bare(absent))
  await dora.asks('block_user', { user_id: 'eve' })
  expect(bare(await joins({}))).toEqual(bare(absent))
  await dora.asks('unblock_user', { user_id: 'eve' })
  expect(await joins({})).toMatchObject({ event: 'conference_joined' })
  await dora.asks('end_conference', { conference_id })
  expect(bare(await joins({}))).toEqual(bare(absent))
})

test('a conference takes eight participants', async () => {
  const host = await stage.device('host')
  const { conference_id, token } = await creates(host)
  const guests = await Promise.all(Array.from({ length: 8 }, (_, i) => stage.device(`guest${i}`)))
  const answers = await Promise.all(guests.map((guest) => guest.asks('join_conference', { conference_id, token })))
  expect(answers.filter(({ event }) => event === 'conference_joined')).toHaveLength(7)
  expect(answers.filter(({ code }) => code === 'conflict')).toHaveLength(1)
})

test('a user is in at most 32 conferences at a time; ended ones and refused joins do not count', async () => {
  const [ida, jon] = [await stage.device('ida'), await stage.device('jon')]
  const made = await Promise.all(Array.from({ length: 32 }, () => creates(ida)))
  expect(await ida.asks('create_conference')).toMatchObject({ code: 'conflict' })
  const other = await creates(jon)
  expect(await ida.asks('join_conference', other)).toMatchObject({ code: 'conflict' })
  expect(await ida.asks('join_conference', made[0])).toMatchObject({ event: 'conference_joined', resumed: true })
  await ida.asks('leave_conference', { conference_id: made[0]!.conference_id })
  expect(await ida.asks('join_conference', other)).toMatchObject({ event: 'conference_joined' })
  await jon.asks('end_conference', { conference_id: other.conference_id })
  expect(await ida.asks('create_conference')).toMatchObject({ event: 'conference_created' })
})

test('after an unblock the two see each other again once either joins anew', async () => {
  const [kim, lea, max] = [await stage.device('kim'), await stage.device('lea'), await stage.device('max')]
  const { conference_id, token } = await creates(kim)
  await lea.asks('block_user', { user_id: 'max' })
  for (const one of [lea, max]) await one.asks('join_conference', { conference_id, token })
  await lea.asks('unblock_user', { user_id: 'max' })
  await max.unread()
  const again = await lea.asks('join_conference', { conference_id, token })
  expect(again).toMatchObject({ resumed: true, participants: [{ user_id: 'kim' }, { user_id: 'max' }] })
  expect(await max.receives('participant_resumed')).toMatchObject({ user_id: 'lea' })
})
