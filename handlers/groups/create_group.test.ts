import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups', 'messaging'])
})
afterAll(() => stage.close())

test('a group holds its creator and their contacts, who all hear of it', async () => {
  const [alice, bob, carl] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carl')]
  await befriend(alice, bob)
  await befriend(alice, carl)
  const made = await alice.asks('create_group', { title: 'Climbing', members: ['bob', 'carl', 'bob'] })
  expect(made).toMatchObject({ event: 'group_updated', change: 'created', title: 'Climbing', seq: 1 })
  const { group_id, message_id } = made
  const hash = createHash('sha256').update('created Climbing').digest('hex')
  for (const member of [bob, carl]) {
    const told = { group_id, by: 'alice', change: 'created', title: 'Climbing', message_id, seq: 1, hash }
    expect(await member.receives('group_changed')).toMatchObject(told)
    expect(await member.asks('get_group', { group_id })).toMatchObject({ role: 'member', members: 3 })
  }
  expect(await alice.unread()).toEqual([])
  const { messages } = await bob.asks('get_messages', { group_id })
  expect(messages).toMatchObject([{ from: 'alice', group_id, system: { change: 'created', title: 'Climbing' }, hash }])
})

test('the same command twice creates one group', async () => {
  const [dora, eve] = [await stage.device('dora'), await stage.device('eve')]
  await befriend(dora, eve)
  const first = await dora.asks('create_group', { title: 'Once', members: ['eve'] }, { id: 'once' })
  expect(await dora.asks('create_group', { title: 'Once', members: ['eve'] }, { id: 'once' })).toEqual(first)
  expect(await dora.asks('get_group_list')).toMatchObject({ groups: [{ title: 'Once', role: 'owner', members: 2 }] })
})

test.each([
  ['no title', { members: [] }, 'title'],
  ['an empty title', { title: '' }, 'title'],
  ['a title of spaces', { title: ' \u00a0 ' }, 'title'],
  ['a control character', { title: 'a\nb' }, 'title'],
  ['a title of tags', { title: '\u{e0041}\u{e0042}' }, 'title'],
  ['a title that overrides the direction', { title: 'a\u202eb' }, 'title'],
  ['a title of 101 characters', { title: 'x'.repeat(101) }, 'title'],
  ['oneself', { title: 'a', members: ['finn'] }, 'members'],
  ['no user id', { title: 'a', members: ['a_b'] }, 'members.0'],
])('%s is refused, naming the field', async (_, fields, wrong) => {
  const finn = await stage.device('finn')
  const answer = await finn.asks('create_group', fields)
  expect(answer).toMatchObject({ code: 'bad_payload' })
  expect(Object.keys(answer['fields'] as object)).toContain(wrong)
})

test('refuses strangers, missing users and users whom the caller blocks; a user who blocks the creator only seems to be a member', async () => {
  const [gus, hal, ida] = [await stage.device('gus'), await stage.device('hal'), await stage.device('ida')]
  await befriend(gus, hal)
  await befriend(gus, ida)
  for (const other of ['nobody', 'alice']) {
    expect(await gus.asks('create_group', { title: 'a', members: [other] })).toMatchObject({ code: 'forbidden' })
  }
  await gus.asks('block_user', { user_id: 'ida' })
  expect(await gus.asks('create_group', { title: 'a', members: ['ida'] })).toMatchObject({ code: 'forbidden' })
  expect(await gus.asks('get_group_list')).toMatchObject({ groups: [] })
  await hal.asks('block_user', { user_id: 'gus' })
  await hal.unread()
  const { group_id } = await gus.asks('create_group', { title: 'a', members: ['hal'] })
  const list = [
    { user_id: 'gus', role: 'owner' },
    { user_id: 'hal', role: 'member' },
  ]
  expect(await gus.asks('get_group', { group_id })).toMatchObject({ members: 2, list })
  expect(await hal.unread()).toEqual([])
  expect(await hal.asks('get_group_list')).toMatchObject({ groups: [] })
  expect(await hal.asks('get_group', { group_id })).toMatchObject({ code: 'forbidden' })
  await gus.asks('send_message', { group_id, body: 'hello?' })
  expect(await hal.unread()).toEqual([])
  expect(await hal.asks('get_messages', { group_id })).toMatchObject({ code: 'forbidden' })
})

test('a group takes a thousand members and no more, and each of them gets its messages', async () => {
  const open = await openStage(['groups', 'messaging'], { ACCESS: 'everyone' })
  try {
    const [kim, lea] = [await open.device('kim'), await open.device('lea')]
    const members = ['lea', ...Array.from({ length: 998 }, (_, i) => `member-${i}`)]
    const { group_id } = await kim.asks('create_group', { title: 'All', members })
    expect(await lea.receives('group_changed')).toMatchObject({ change: 'created' })
    expect(await lea.asks('get_group', { group_id })).toMatchObject({ members: 1000, role: 'member' })
    expect(await kim.asks('add_member', { group_id, user_id: 'one-more' })).toMatchObject({ code: 'conflict' })
    await kim.asks('send_message', { group_id, body: 'hello all' })
    expect(await lea.receives('message_received')).toMatchObject({ body: 'hello all' })
    const last = await open.device('member-997')
    expect(await last.asks('get_messages', { group_id })).toMatchObject({
      messages: [{ seq: 1 }, { body: 'hello all' }],
    })
    expect(await kim.asks('create_group', { title: 'All', members: [...members, 'one-more'] })).toMatchObject({
      code: 'bad_payload',
    })
  } finally {
    await open.close()
  }
})
