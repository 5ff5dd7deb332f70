import { createHash } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, finn } = await stage(['contacts', 'groups', 'messaging'])

test('the author deletes a message for both; its place stays, and it cannot be edited any more', async () => {
  await befriend(alice, bob)
  const { message_id } = (await alice.calls('send_message', { to: 'bob', body: 'oops' })).as('message_sent')
  expect(await bob.calls('delete_message', { message_id })).toBeRefused('not_found')
  expect(await alice.calls('delete_message', { message_id })).toAnswer('message_removed', {
    message_id,
    seq: 1,
  })
  bob.receives('message_deleted', { message_id, with: 'alice' })
  for (const [asker, other] of [
    [alice, 'bob'],
    [bob, 'alice'],
  ] as const) {
    const [left] = (await asker.calls('get_messages', { with: other }))['messages'] as object[]
    expect(left).toMatchObject({ message_id, seq: 1, deleted_at: expect.any(String) })
    expect(left).not.toHaveProperty('body')
  }
  expect(await alice.calls('edit_message', { message_id, body: 'again' })).toBeRefused('not_found')
  expect(await alice.calls('delete_message', { message_id })).toBeRefused('not_found')
})

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
async function pageOf(
  asker: typeof alice,
  of: { with: string } | { group_id: string },
): Promise<Record<string, unknown>[]> {
  return (await asker.calls('get_messages', of))['messages'] as Record<string, unknown>[]
}

test('a deleted message loses its hash, and the chain continues over its id, for two users and in a group', async () => {
  const group_id = await gather(carl, dora)
  for (const [to, of] of [
    [{ to: 'dora' }, { with: 'carl' }],
    [{ group_id }, { group_id }],
  ] as const) {
    const { message_id } = (await carl.calls('send_message', { ...to, body: 'secret' })).as('message_sent')
    await carl.calls('send_message', { ...to, body: 'next' })
    await carl.calls('delete_message', { message_id })
    const [gone, next] = (await pageOf(dora, of)).slice(-2)
    expect(gone).toMatchObject({ message_id, deleted_at: expect.any(String) })
    expect(gone).not.toHaveProperty('hash')
    expect(next).toMatchObject({ body: 'next', prev_hash: sha256(message_id) })
    const last = (await carl.calls('send_message', { ...to, body: 'last one' })).as('message_sent')
    await carl.calls('delete_message', { message_id: last['message_id'] })
    const prev_hash = sha256(last['message_id'])
    expect(await carl.calls('send_message', { ...to, body: 'on', prev_hash: sha256('last one') })).toBeRefused(
      'conflict',
    )
    expect(await carl.calls('send_message', { ...to, body: 'on', prev_hash })).toAnswer('message_sent')
    expect(JSON.stringify(await pageOf(dora, of))).not.toContain(sha256('secret'))
  }
})

test('a user who blocked the author for a while finds an unbroken chain over a deleted message', async () => {
  await befriend(eve, finn)
  const { message_id } = (await eve.calls('send_message', { to: 'finn', body: 'oops' })).as('message_sent')
  await finn.calls('block_user', { user_id: 'eve' })
  await eve.calls('send_message', { to: 'finn', body: 'unheard' })
  await eve.calls('send_message', { to: 'finn', body: 'unheard, too' })
  await finn.calls('unblock_user', { user_id: 'eve' })
  await eve.calls('delete_message', { message_id })
  await eve.calls('send_message', { to: 'finn', body: 'heard' })
  const stub = sha256(message_id)
  const chain = async (asker: typeof alice, other: string) =>
    (await pageOf(asker, { with: other })).map((one) => one['prev_hash'])
  expect(await chain(eve, 'finn')).toEqual([undefined, stub, sha256('unheard'), sha256('unheard, too')])
  expect(await chain(finn, 'eve')).toEqual([undefined, stub])
})
