import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging'])
})
afterAll(() => stage.close())

test('a user turns each kind of receipt on and off', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await befriend(alice, bob)
  const says = async (body: string) => {
    const { message_id, seq } = await alice.asks('send_message', { to: 'bob', body })
    await bob.asks('ack_message', { message_ids: [message_id] })
    await bob.asks('mark_read', { with: 'alice', up_to: seq })
    const told = (await alice.unread()).map(({ event }) => event)
    return told.filter((event) => event === 'message_delivered' || event === 'message_read')
  }
  expect(await says('both')).toEqual(['message_delivered', 'message_read'])
  expect(await bob.asks('set_receipts', { read: false })).toMatchObject({ delivered: true, read: false })
  expect(await says('delivered')).toEqual(['message_delivered'])
  expect(await bob.asks('set_receipts', { delivered: false })).toMatchObject({ delivered: false, read: false })
  expect(await says('nothing')).toEqual([])
  expect(await bob.asks('set_receipts', { delivered: true, read: true })).toMatchObject({ delivered: true, read: true })
  expect(await says('both again')).toEqual(['message_delivered', 'message_read'])
  expect(await bob.asks('set_receipts', { read: 'no' })).toMatchObject({ code: 'bad_payload' })
})
