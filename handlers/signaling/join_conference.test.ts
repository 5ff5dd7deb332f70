import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, ida, kim, lea, person } = await stage(['contacts', 'signaling'])

async function creates(
  by: typeof alice,
  invite: (typeof alice)[] = [],
): Promise<{ conference_id: string; token: string }> {
  for (const one of invite) await befriend(by, one)
  const made = (await by.calls('create_conference', { title: 'Standup', invite: invite.map(({ user }) => user) })).as(
    'conference_created',
  )
  return { conference_id: made.conference_id, token: made.token }
}

test('an invited user joins by the token; all others hear of it; a user who comes back has their old seat', async () => {
  const { conference_id, token } = await creates(alice, [bob])
  bob.receives('conference_invited', {
    conference_id,
    token,
    by: 'alice',
    title: 'Standup',
  })
  const joined = (await bob.calls('join_conference', { conference_id, token })).as('conference_joined')
  expect(joined).toMatchObject({
    resumed: false,
    participants: [{ user_id: 'alice', polite: false }],
  })
  const { participant_id } = joined
  const seat = { conference_id, user_id: 'bob', participant_id }
  alice.receives('participant_joined', { ...seat, polite: true })
  await carl.calls('join_conference', { conference_id, token }) // the token alone is enough
  for (const one of [alice, bob]) one.receives('participant_joined', { user_id: 'carl' })

  expect(await bob.calls('join_conference', { conference_id, token })).toMatchObject({ resumed: true, participant_id })
  for (const one of [alice, carl]) one.receives('participant_resumed', seat)
  expect(alice.unread().map(({ event }) => event)).toEqual([])
})

test('a conference looks missing without its token, after its end, and to a user whom its owner blocks', async () => {
  const { conference_id, token } = await creates(dora)
  const joins = (fields: object) => eve.calls('join_conference', { conference_id, token, ...fields })
  const absent = await joins({ conference_id: 'A'.repeat(22) })
  expect(absent).toBeRefused('forbidden')
  const bare = (one: object): object => ({ ...one, re: '', at: '', event_seq: 0 })
  expect(bare(await joins({ token: 'A'.repeat(32) }))).toEqual(bare(absent))
  await dora.calls('block_user', { user_id: 'eve' })
  expect(bare(await joins({}))).toEqual(bare(absent))
  await dora.calls('unblock_user', { user_id: 'eve' })
  expect(await joins({})).toAnswer('conference_joined')
  await dora.calls('end_conference', { conference_id })
  expect(bare(await joins({}))).toEqual(bare(absent))
})

test('a conference takes eight participants', async () => {
  const host = person('host')
  const { conference_id, token } = await creates(host)
  const guests = Array.from({ length: 8 }, (_, i) => person(`guest${i}`))
  const answers = await Promise.all(guests.map((guest) => guest.calls('join_conference', { conference_id, token })))
  expect(answers.filter(({ event }) => event === 'conference_joined')).toHaveLength(7)
  expect(answers.filter(({ code }) => code === 'conflict')).toHaveLength(1)
})

test('a user is in at most 32 conferences at a time; ended ones and refused joins do not count', async () => {
  const jon = person('jon')
  const made = await Promise.all(Array.from({ length: 32 }, () => creates(ida)))
  expect(await ida.calls('create_conference')).toBeRefused('conflict')
  const other = await creates(jon)
  expect(await ida.calls('join_conference', other)).toBeRefused('conflict')
  expect(await ida.calls('join_conference', made[0]!)).toAnswer('conference_joined', { resumed: true })
  await ida.calls('leave_conference', { conference_id: made[0]!.conference_id })
  expect(await ida.calls('join_conference', other)).toAnswer('conference_joined')
  await jon.calls('end_conference', { conference_id: other.conference_id })
  expect(await ida.calls('create_conference')).toAnswer('conference_created')
})

test('after an unblock the two see each other again once either joins anew', async () => {
  const max = person('max')
  const { conference_id, token } = await creates(kim)
  await lea.calls('block_user', { user_id: 'max' })
  for (const one of [lea, max]) await one.calls('join_conference', { conference_id, token })
  await lea.calls('unblock_user', { user_id: 'max' })
  max.unread()
  const again = (await lea.calls('join_conference', { conference_id, token })).as('conference_joined')
  expect(again).toMatchObject({ resumed: true, participants: [{ user_id: 'kim' }, { user_id: 'max' }] })
  max.receives('participant_resumed', { user_id: 'lea' })
})
