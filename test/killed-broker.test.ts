import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Parts } from './parts.ts'

// What the broker has acknowledged survives its death. slow/parallel/durability.test.ts and slow/parallel/crash-points.test.ts try many more moments.

let parts: Parts
beforeAll(async () => {
  parts = await Parts.open({ QUEUE_TTL: '60000' })
})
afterAll(() => parts.close())

test('a command acknowledged right before the broker is killed runs after the restart; devices reconnect', async () => {
  const [alice, bob] = [await parts.device('alice'), await parts.device('bob', { version: 4 })]
  const re = await alice.sends('request_contact', { user_id: 'bob', note: 'hello' })
  await parts.killBroker()
  await parts.startBroker()
  await parts.startHandlers()
  expect(await alice.receives('contact_request_sent')).toMatchObject({ re, user_id: 'bob' })
  expect(await bob.receives('contact_requested')).toMatchObject({ user_id: 'alice', note: 'hello' })
  expect(alice.connack?.sessionPresent).toBe(true)
  expect((await bob.unread()).map(({ event }) => event)).toEqual([])
})
