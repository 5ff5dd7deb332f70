import { expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, finn, mallory, person } = await stage(['contacts', 'groups', 'messaging'])

test('only the author edits a message', async () => {
  await befriend(alice, bob)
  const { message_id, hash } = (await alice.calls('send_message', { to: 'bob', body: 'helo' })).as('message_sent')
  const edited = { message_id, seq: 1, body: 'hello' }
  expect(await alice.calls('edit_message', { message_id, body: 'hello' })).toAnswer('message_updated', {
    ...edited,
    with: 'bob',
  })
  bob.receives('message_edited', { ...edited, with: 'alice' })
  expect(await bob.calls('get_messages', { with: 'alice' })).toMatchObject({
    messages: [{ ...edited, hash, edited_at: expect.any(String) }],
  })
  for (const someone of [bob, mallory]) {
    expect(await someone.calls('edit_message', { message_id, body: 'x' })).toBeRefused('not_found')
    expect(await someone.calls('edit_message', { message_id: 'y'.repeat(22), body: 'x' })).toBeRefused('not_found')
  }
  expect(await alice.calls('edit_message', { message_id, body: 'a', ciphertext: 'b' })).toBeRefused('bad_payload')
})

test('in a group everyone who could see the message hears of an edit; a record of a group change cannot be edited', async () => {
  const group_id = await gather(carl, dora)
  await befriend(carl, eve)
  const { message_id } = (await carl.calls('send_message', { group_id, body: 'helo' })).as('message_sent')
  const { message_id: added } = (await carl.calls('add_member', { group_id, user_id: 'eve' })).as('group_updated')
  for (const one of [dora, eve]) one.unread()
  await carl.calls('edit_message', { message_id, body: 'hello' })
  dora.receives('message_edited', { message_id, group_id, body: 'hello' })
  expect(eve.unread()).toEqual([])
  expect(await carl.calls('edit_message', { message_id: added!, body: 'x' })).toBeRefused('not_found')
  expect(await dora.calls('delete_message', { message_id })).toBeRefused('not_found')
})

test('a user who may no longer message another cannot reach them by an edit, but can still delete', async () => {
  const gus = person('gus')
  await befriend(finn, gus)
  const { message_id } = (await finn.calls('send_message', { to: 'gus', body: 'hello' })).as('message_sent')
  await gus.calls('remove_contact', { user_id: 'finn' })
  gus.unread()
  expect(await finn.calls('send_message', { to: 'gus', body: 'wait' })).toBeRefused('forbidden')
  expect(await finn.calls('edit_message', { message_id, body: 'wait' })).toBeRefused('forbidden')
  expect(gus.unread()).toEqual([])
  expect(await gus.calls('get_messages', { with: 'finn' })).toMatchObject({ messages: [{ body: 'hello' }] })
  expect(await finn.calls('delete_message', { message_id })).toAnswer('message_removed')
})

test('a user who blocks the author reads the message as it was, and the author reads the edit', async () => {
  const [olga, pete] = [person('olga'), person('pete')]
  await befriend(olga, pete)
  const { message_id } = (await olga.calls('send_message', { to: 'pete', body: 'nice' })).as('message_sent')
  await pete.calls('block_user', { user_id: 'olga' })
  pete.unread()
  for (const body of ['not nice', 'worse']) {
    expect(await olga.calls('edit_message', { message_id, body })).toAnswer('message_updated', { body })
  }
  expect(pete.unread()).toEqual([])
  const reads = async (one: typeof olga, other: string) =>
    ((await one.calls('get_messages', { with: other }))['messages'] as object[])[0]
  expect(await reads(olga, 'pete')).toMatchObject({ body: 'worse', edited_at: expect.any(String) })
  const seen = await reads(pete, 'olga')
  expect(seen).toMatchObject({ body: 'nice' })
  expect(seen).not.toHaveProperty('edited_at')
  await pete.calls('unblock_user', { user_id: 'olga' })
  await olga.calls('edit_message', { message_id, body: 'sorry' })
  expect(await reads(pete, 'olga')).toMatchObject({ body: 'sorry', edited_at: expect.any(String) })
})
