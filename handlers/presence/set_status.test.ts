import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, finn, person } = await stage(['contacts', 'presence'])

/** Both are online, and contacts. */
async function meet(one: typeof alice, other: typeof alice): Promise<void> {
  for (const each of [one, other]) await each.comes()
  await befriend(one, other)
}

test('contacts hear of a new status and its text, and of nothing when nothing has changed', async () => {
  await meet(alice, bob)
  expect(await bob.calls('set_status', { status: 'busy', text: 'in a call' })).toAnswer('status_set', {
    status: 'busy',
    text: 'in a call',
  })
  alice.receives('user_status', { user_id: 'bob', status: 'busy', text: 'in a call' })
  await bob.calls('set_status', { status: 'busy', text: 'in a call' })
  await bob.calls('set_status', { status: 'available' })
  const heard = alice.receives('user_status')
  expect(heard).toMatchObject({ status: 'available' })
  expect(heard).not.toHaveProperty('text')
  expect(alice.unread()).toEqual([])
})

test('an invisible user looks offline: contacts see them go, see no changes, and see them come back', async () => {
  await meet(carl, dora)
  await dora.calls('set_status', { status: 'invisible' })
  const gone = carl.receives('user_offline')
  expect(gone).toMatchObject({ user_id: 'dora' })
  expect(gone).not.toHaveProperty('last_seen')
  await dora.calls('set_status', { status: 'invisible', text: 'still here' })
  expect(await carl.calls('get_user_list')).toMatchObject({ users: [] })
  expect(await dora.calls('get_user_list')).toMatchObject({ users: [{ user_id: 'carl' }] })
  await dora.calls('set_status', { status: 'away' })
  carl.receives('user_online', { user_id: 'dora', status: 'away' })
  expect(carl.unread()).toEqual([])
})

test('tells when a user was last seen only if they allow it', async () => {
  await meet(eve, finn)
  await finn.calls('set_status', { status: 'available', last_seen: false })
  await finn.leaves()
  const gone = eve.receives('user_offline')
  expect(gone).toMatchObject({ user_id: 'finn' })
  expect(gone).not.toHaveProperty('last_seen')
})

test.each([
  ['an unknown status', { status: 'dancing' }, 'status'],
  ['no status', {}, 'status'],
  ['a text of 281 characters', { status: 'away', text: 'x'.repeat(281) }, 'text'],
  ['a text without anything visible', { status: 'away', text: '\u2060' }, 'text'],
  ['a control character', { status: 'away', text: 'a\u0000b' }, 'text'],
])('%s is refused, naming the field', async (_, fields, wrong) => {
  const gus = person('gus')
  expect(await gus.calls('set_status', fields as never)).toMatchObject({
    code: 'bad_payload',
    fields: { [wrong]: expect.any(String) },
  })
})
