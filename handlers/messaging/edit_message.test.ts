import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups', 'messaging'])
})
afterAll(() => stage.close())

test('only the author edits a message', async () => {
  const [alice, bob, mallory] = [await stage.device('alice'), await stage.device('bob'), await stage.device('mallory')]
  await befriend(alice, bob)
  const { message_id, hash } = await alice.asks('send_message', { to: 'bob', body: 'helo' })
  const edited = { message_id, seq: 1, body: 'hello' }
  expect(await alice.asks('edit_message', { message_id, body: 'hello' })).toMatchObject({
    event: 'message_updated',
    ...edited,
    with: 'bob',
  })
  expect(await bob.receives('message_edited')).toMatchObject({ ...edited, with: 'alice' })
  expect(await bob.asks('get_messages', { with: 'alice' })).toMatchObject({
    messages: [{ ...edited, hash, edited_at: expect.any(String) }],
  })
  for (const someone of [bob, mallory]) {
    expect(await someone.asks('edit_message', { message_id, body: 'x' })).toMatchObject({ code: 'not_found' })
    expect(await someone.asks('edit_message', { message_id: 'y'.repeat(22), body: 'x' })).toMatchObject({
      code: 'not_found',
    })
  }
  expect(await alice.asks('edit_message', { message_id, body: 'a', ciphertext: 'b' })).toMatchObject({
    code: 'bad_payload',
  })
})

test('in a group everyone who could see the message hears of an edit; a record of a group change cannot be edited', async () => {
  const [carl, dora, eve] = [await stage.device('carl'), await stage.device('dora'), await stage.device('eve')]
  const group_id = await gather(carl, dora)
  await befriend(carl, eve)
  const { message_id } = await carl.asks('send_message', { group_id, body: 'helo' })
  const { message_id: added } = await carl.asks('add_member', { group_id, user_id: 'eve' })
  await Promise.all([dora.unread(), eve.unread()])
  await carl.asks('edit_message', { message_id, body: 'hello' })
  expect(await dora.receives('message_edited')).toMatchObject({ message_id, group_id, body: 'hello' })
  expect(await eve.unread()).toEqual([])
  expect(await carl.asks('edit_message', { message_id: added, body: 'x' })).toMatchObject({ code: 'not_found' })
  expect(await dora.asks('delete_message', { message_id })).toMatchObject({ code: 'not_found' })
})

test('a user who may no longer message another cannot reach them by an edit, but can still delete', async () => {
  const [finn, gus] = [await stage.device('finn'), await stage.device('gus')]
  await befriend(finn, gus)
  const { message_id } = await finn.asks('send_message', { to: 'gus', body: 'hello' })
  await gus.asks('remove_contact', { user_id: 'finn' })
  await gus.unread()
  expect(await finn.asks('send_message', { to: 'gus', body: 'wait' })).toMatchObject({ code: 'forbidden' })
  expect(await finn.asks('edit_message', { message_id, body: 'wait' })).toMatchObject({ code: 'forbidden' })
  expect(await gus.unread()).toEqual([])
  expect(await gus.asks('get_messages', { with: 'finn' })).toMatchObject({ messages: [{ body: 'hello' }] })
  expect(await finn.asks('delete_message', { message_id })).toMatchObject({ event: 'message_removed' })
})

test('a user who blocks the author reads the message as it was, and the author reads the edit', async () => {
  const [olga, pete] = [await stage.device('olga'), await stage.device('pete')]
  await befriend(olga, pete)
  const { message_id } = await olga.asks('send_message', { to: 'pete', body: 'nice' })
  await pete.asks('block_user', { user_id: 'olga' })
  await pete.unread()
  for (const body of ['not nice', 'worse']) {
    expect(await olga.asks('edit_message', { message_id, body })).toMatchObject({ event: 'message_updated', body })
  }
  expect(await pete.unread()).toEqual([])
  const reads = async (one: typeof olga, other: string) =>
    ((await one.asks('get_messages', { with: other }))['messages'] as object[])[0]
  expect(await reads(olga, 'pete')).toMatchObject({ body: 'worse', edited_at: expect.any(String) })
  const seen = await reads(pete, 'olga')
  expect(seen).toMatchObject({ body: 'nice' })
  expect(seen).not.toHaveProperty('edited_at')
  await pete.asks('unblock_user', { user_id: 'olga' })
  await olga.asks('edit_message', { message_id, body: 'sorry' })
  expect(await reads(pete, 'olga')).toMatchObject({ body: 'sorry', edited_at: expect.any(String) })
})
