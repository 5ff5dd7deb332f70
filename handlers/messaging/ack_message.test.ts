import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, mallory } = await stage(['contacts', 'messaging'])

test('the sender hears of delivery once, and only from the receiver', async () => {
  await befriend(alice, bob)
  const ids: string[] = []
  for (const body of ['1', '2'])
    ids.push((await alice.calls('send_message', { to: 'bob', body })).as('message_sent').message_id)
  alice.unread()
  const absent = 'x'.repeat(22)
  for (const message_ids of [ids, [absent]]) {
    expect(await mallory.calls('ack_message', { message_ids })).toBeRefused('not_found')
    expect(await alice.calls('ack_message', { message_ids })).toBeRefused('not_found')
  }
  expect(await bob.calls('ack_message', { message_ids: [...ids, absent] })).toAnswer('receipt_recorded', {
    message_ids: ids,
  })
  alice.receives('message_delivered', { by: 'bob', message_ids: ids })
  await bob.calls('ack_message', { message_ids: ids })
  expect(alice.unread().filter(({ event }) => event === 'message_delivered')).toEqual([])
})

test('a sender who blocks the receiver hears nothing', async () => {
  await befriend(carl, dora)
  const { message_id } = (await carl.calls('send_message', { to: 'dora', body: 'x' })).as('message_sent')
  await carl.calls('block_user', { user_id: 'dora' })
  carl.unread()
  expect(await dora.calls('ack_message', { message_ids: [message_id] })).toAnswer('receipt_recorded')
  expect(carl.unread()).toEqual([])
})
