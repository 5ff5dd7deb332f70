import { createHash } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, finn, ida, person } = await stage(['contacts', 'groups', 'messaging'])

test('a group holds its creator and their contacts, who all hear of it', async () => {
  await befriend(alice, bob)
  await befriend(alice, carl)
  const made = (await alice.calls('create_group', { title: 'Climbing', members: ['bob', 'carl', 'bob'] })).as(
    'group_updated',
  )
  expect(made).toMatchObject({ change: 'created', title: 'Climbing', seq: 1 })
  const { group_id, message_id } = made
  const hash = createHash('sha256').update('created Climbing').digest('hex')
  for (const member of [bob, carl]) {
    const told = { group_id, by: 'alice', change: 'created', title: 'Climbing', message_id, seq: 1, hash } as const
    member.receives('group_changed', told)
    expect(await member.calls('get_group', { group_id })).toMatchObject({ role: 'member', members: 3 })
  }
  expect(alice.unread()).toEqual([])
  const { messages } = (await bob.calls('get_messages', { group_id })).as('messages')
  expect(messages).toMatchObject([{ from: 'alice', group_id, system: { change: 'created', title: 'Climbing' }, hash }])
})

test('a command that runs again after a crash creates one group', async () => {
  await befriend(dora, eve)
  await dora.calls('create_group', { title: 'Once', members: ['eve'] }, { crashes: true })
  eve.receives('group_changed', { change: 'created' })
  expect(eve.unread()).toEqual([])
  expect(await dora.calls('get_group_list')).toMatchObject({ groups: [{ title: 'Once', role: 'owner', members: 2 }] })
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
  const answer = await finn.calls('create_group', fields as never)
  expect(answer).toBeRefused('bad_payload')
  expect(Object.keys(answer['fields'] as object)).toContain(wrong)
})

test('refuses strangers, missing users and users whom the caller blocks; a user who blocks the creator only seems to be a member', async () => {
  const [gus, hal] = [person('gus'), person('hal')]
  await befriend(gus, hal)
  await befriend(gus, ida)
  for (const other of ['nobody', 'alice']) {
    expect(await gus.calls('create_group', { title: 'a', members: [other] })).toBeRefused('forbidden')
  }
  await gus.calls('block_user', { user_id: 'ida' })
  expect(await gus.calls('create_group', { title: 'a', members: ['ida'] })).toBeRefused('forbidden')
  expect(await gus.calls('get_group_list')).toMatchObject({ groups: [] })
  await hal.calls('block_user', { user_id: 'gus' })
  hal.unread()
  const { group_id } = (await gus.calls('create_group', { title: 'a', members: ['hal'] })).as('group_updated')
  const list = [
    { user_id: 'gus', role: 'owner' },
    { user_id: 'hal', role: 'member' },
  ]
  expect(await gus.calls('get_group', { group_id })).toMatchObject({ members: 2, list })
  expect(hal.unread()).toEqual([])
  expect(await hal.calls('get_group_list')).toMatchObject({ groups: [] })
  expect(await hal.calls('get_group', { group_id })).toBeRefused('forbidden')
  await gus.calls('send_message', { group_id, body: 'hello?' })
  expect(hal.unread()).toEqual([])
  expect(await hal.calls('get_messages', { group_id })).toBeRefused('forbidden')
})

const open = await stage(['groups', 'messaging'], { ACCESS: 'everyone' })
test('a group takes a thousand members and no more, and each of them gets its messages', async () => {
  const { kim, lea } = open
  const members = ['lea', ...Array.from({ length: 998 }, (_, i) => `member-${i}`)]
  const { group_id } = (await kim.calls('create_group', { title: 'All', members })).as('group_updated')
  lea.receives('group_changed', { change: 'created' })
  expect(await lea.calls('get_group', { group_id })).toMatchObject({ members: 1000, role: 'member' })
  expect(await kim.calls('add_member', { group_id, user_id: 'one-more' })).toBeRefused('conflict')
  await kim.calls('send_message', { group_id, body: 'hello all' })
  lea.receives('message_received', { body: 'hello all' })
  const last = open.person('member-997')
  expect(await last.calls('get_messages', { group_id })).toMatchObject({
    messages: [{ seq: 1 }, { body: 'hello all' }],
  })
  expect(await kim.calls('create_group', { title: 'All', members: [...members, 'one-more'] })).toBeRefused(
    'bad_payload',
  )
})
