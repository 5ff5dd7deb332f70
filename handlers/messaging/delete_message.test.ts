import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device, Received } from '../../test/device.ts'
import { befriend, gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups', 'messaging'])
})
afterAll(() => stage.close())

test('the author deletes a message for both; its place stays, and it cannot be edited any more', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await befriend(alice, bob)
  const { message_id } = await alice.asks('send_message', { to: 'bob', body: 'oops' })
  expect(await bob.asks('delete_message', { message_id })).toMatchObject({ code: 'not_found' })
  expect(await alice.asks('delete_message', { message_id })).toMatchObject({
    event: 'message_removed',
    message_id,
    seq: 1,
  })
  expect(await bob.receives('message_deleted')).toMatchObject({ message_id, with: 'alice' })
  for (const [asker, other] of [
    [alice, 'bob'],
    [bob, 'alice'],
  ] as const) {
    const [left] = (await asker.asks('get_messages', { with: other }))['messages'] as object[]
    expect(left).toMatchObject({ message_id, seq: 1, deleted_at: expect.any(String) })
    expect(left).not.toHaveProperty('body')
  }
  expect(await alice.asks('edit_message', { message_id, body: 'again' })).toMatchObject({ code: 'not_found' })
  expect(await alice.asks('delete_message', { message_id })).toMatchObject({ code: 'not_found' })
})

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
async function pageOf(asker: Device, of: object): Promise<Record<string, unknown>[]> {
  return (await asker.asks('get_messages', of))['messages'] as Record<string, unknown>[]
}

test('a deleted message loses its hash, and the chain continues over its id, for two users and in a group', async () => {
  const [carl, dora] = [await stage.device('carl'), await stage.device('dora')]
  const group_id = await gather(carl, dora)
  for (const [to, of] of [
    [{ to: 'dora' }, { with: 'carl' }],
    [{ group_id }, { group_id }],
  ]) {
    const { message_id } = await carl.asks('send_message', { ...to, body: 'secret' })
    await carl.asks('send_message', { ...to, body: 'next' })
    await carl.asks('delete_message', { message_id })
    const [gone, next] = (await pageOf(dora, of!)).slice(-2)
    expect(gone).toMatchObject({ message_id, deleted_at: expect.any(String) })
    expect(gone).not.toHaveProperty('hash')
    expect(next).toMatchObject({ body: 'next', prev_hash: sha256(message_id as string) })
    const last = await carl.asks('send_message', { ...to, body: 'last one' })
    await carl.asks('delete_message', { message_id: last['message_id'] })
    const prev_hash = sha256(last['message_id'] as string)
    expect(await carl.asks('send_message', { ...to, body: 'on', prev_hash: sha256('last one') })).toMatchObject({
      code: 'conflict',
    })
    expect(await carl.asks('send_message', { ...to, body: 'on', prev_hash })).toMatchObject({ event: 'message_sent' })
    expect(JSON.stringify(await pageOf(dora, of!))).not.toContain(sha256('secret'))
  }
})

test('a user who blocked the author for a while finds an unbroken chain over a deleted message', async () => {
  const [eve, finn] = [await stage.device('eve'), await stage.device('finn')]
  await befriend(eve, finn)
  const { message_id } = await eve.asks('send_message', { to: 'finn', body: 'oops' })
  await finn.asks('block_user', { user_id: 'eve' })
  await eve.asks('send_message', { to: 'finn', body: 'unheard' })
  await eve.asks('send_message', { to: 'finn', body: 'unheard, too' })
  await finn.asks('unblock_user', { user_id: 'eve' })
  await eve.asks('delete_message', { message_id })
  await eve.asks('send_message', { to: 'finn', body: 'heard' })
  const stub = sha256(message_id as string)
  const chain = async (asker: Device, other: string) =>
    (await pageOf(asker, { with: other })).map((one) => one['prev_hash'])
  expect(await chain(eve, 'finn')).toEqual([undefined, stub, sha256('unheard'), sha256('unheard, too')])
  expect(await chain(finn, 'eve')).toEqual([undefined, stub])
})

test('a device that catches up finds no event that reveals a deleted message', async () => {
  const [gus, hal] = [await stage.device('gus'), await stage.device('hal')]
  await befriend(gus, hal)
  const { epoch, last: since } = await hal.asks('whoami')
  const { last: since_gus } = await gus.asks('whoami')
  const { message_id } = await gus.asks('send_message', { to: 'hal', body: 'oops' })
  await gus.asks('edit_message', { message_id, body: 'oops, too' })
  await gus.asks('send_message', { to: 'hal', body: 'another' })
  const all = async (by: Device, from: unknown) =>
    (await by.asks('sync_events', { epoch, since: from }))['events'] as Received[]
  expect(JSON.stringify(await all(hal, since))).toContain('oops')
  await gus.asks('delete_message', { message_id })
  for (const [by, from] of [
    [hal, since],
    [gus, since_gus],
  ] as const) {
    const events = await all(by, from)
    const told = JSON.stringify(events)
    expect(told).not.toContain('oops')
    expect(told).toContain('another')
    const about = events.filter((one) => one['message_id'] === message_id).map(({ event }) => event)
    expect(about).toEqual([by === hal ? 'message_deleted' : 'message_removed'])
  }
})
