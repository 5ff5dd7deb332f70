import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob } = await stage(['contacts', 'messaging'])

test('a user turns each kind of receipt on and off', async () => {
  await befriend(alice, bob)
  const says = async (body: string) => {
    const { message_id, seq } = (await alice.calls('send_message', { to: 'bob', body })).as('message_sent')
    await bob.calls('ack_message', { message_ids: [message_id] })
    await bob.calls('mark_read', { with: 'alice', up_to: seq })
    const told = alice.unread().map(({ event }) => event)
    return told.filter((event) => event === 'message_delivered' || event === 'message_read')
  }
  expect(await says('both')).toEqual(['message_delivered', 'message_read'])
  expect(await bob.calls('set_receipts', { read: false })).toMatchObject({ delivered: true, read: false })
  expect(await says('delivered')).toEqual(['message_delivered'])
  expect(await bob.calls('set_receipts', { delivered: false })).toMatchObject({ delivered: false, read: false })
  expect(await says('nothing')).toEqual([])
  expect(await bob.calls('set_receipts', { delivered: true, read: true })).toMatchObject({
    delivered: true,
    read: true,
  })
  expect(await says('both again')).toEqual(['message_delivered', 'message_read'])
  expect(await bob.calls('set_receipts', { read: 'no' as never })).toBeRefused('bad_payload')
})
