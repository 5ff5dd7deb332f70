import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging'])
})
afterAll(() => stage.close())

test('the sender hears of delivery once, and only from the receiver', async () => {
  const [alice, bob, mallory] = [await stage.device('alice'), await stage.device('bob'), await stage.device('mallory')]
  await befriend(alice, bob)
  const ids = []
  for (const body of ['1', '2']) ids.push((await alice.asks('send_message', { to: 'bob', body }))['message_id'])
  await alice.unread()
  const absent = 'x'.repeat(22)
  for (const message_ids of [ids, [absent]]) {
    expect(await mallory.asks('ack_message', { message_ids })).toMatchObject({ code: 'not_found' })
    expect(await alice.asks('ack_message', { message_ids })).toMatchObject({ code: 'not_found' })
  }
  expect(await bob.asks('ack_message', { message_ids: [...ids, absent] })).toMatchObject({
    event: 'receipt_recorded',
    message_ids: ids,
  })
  expect(await alice.receives('message_delivered')).toMatchObject({ by: 'bob', message_ids: ids })
  await bob.asks('ack_message', { message_ids: ids })
  expect((await alice.unread()).filter(({ event }) => event === 'message_delivered')).toEqual([])
})

test('a sender who blocks the receiver hears nothing', async () => {
  const [carl, dora] = [await stage.device('carl'), await stage.device('dora')]
  await befriend(carl, dora)
  const { message_id } = await carl.asks('send_message', { to: 'dora', body: 'x' })
  await carl.asks('block_user', { user_id: 'dora' })
  await carl.unread()
  expect(await dora.asks('ack_message', { message_ids: [message_id] })).toMatchObject({ event: 'receipt_recorded' })
  expect(await carl.unread()).toEqual([])
})
