import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device, Received } from '../../device.ts'
import { befriend } from '../../friends.ts'
import { Parts } from '../../parts.ts'

// What is kept for absent users, and what is removed again.

const ROOM = 24

let parts: Parts
beforeAll(async () => {
  parts = await Parts.open({ INBOX_EVENTS: String(ROOM), MAX_OFFLINE_EVENTS: String(ROOM) })
  await Promise.all([parts.startHandlers('contacts'), parts.startHandlers('messaging')])
})
afterAll(() => parts.close())

const bodies = (events: Received[]): unknown[] =>
  events.filter(({ event }) => event === 'message_received').map((one) => one['body'])

async function sync(device: Device, since: unknown): Promise<Received & { events: Received[] }> {
  const { epoch } = await device.asks('whoami')
  return (await device.asks('sync_events', { epoch, since, limit: 100 })) as Received & { events: Received[] }
}

/** Two strangers cause all the events that strangers can. */
async function strangersFlood(names: string[], target: string): Promise<void> {
  const strangers = await Promise.all(names.map((name) => parts.device(name)))
  for (let i = 0; i < ROOM; i++) {
    for (const one of strangers) {
      await one.asks('request_contact', { user_id: target, note: String(i) })
      await one.asks('cancel_contact_request', { user_id: target })
    }
  }
  await Promise.all(strangers.map((one) => one.leaves()))
}

test('strangers cannot push a contact’s events out of a session or an inbox, across a restart too', async () => {
  const [alice, bob] = [await parts.device('alice'), await parts.device('bob')]
  await befriend(alice, bob)
  const { last } = await bob.asks('whoami')
  await bob.leaves()
  const sent: string[] = []
  const send = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      sent.push(`message ${sent.length}`)
      await alice.asks('send_message', { to: bob.user, body: sent.at(-1) })
    }
  }
  await send(8)
  await strangersFlood(['mallory', 'trudy'], bob.user)
  await send(8)
  await strangersFlood(['mallory', 'trudy'], bob.user)
  await parts.killBroker()
  await parts.startBroker()
  const back = await parts.device('bob')
  const heard = await back.unread()
  expect(bodies(heard)).toEqual(sent)
  expect(heard.filter(({ event }) => event === 'contact_request_cancelled').length).toBeGreaterThan(0) // there was room for some of them
  const synced = await sync(back, last)
  expect(synced).toMatchObject({ recovered: true, more: false })
  expect(bodies(synced.events)).toEqual(sent)
  // Alice can push them out herself.
  await back.leaves()
  await send(ROOM)
  const again = await parts.device('bob')
  expect(bodies(await again.unread())).toEqual(sent.slice(-ROOM))
  expect(await sync(again, last)).toMatchObject({ recovered: false })
  await again.leaves()
})

test('a deleted message disappears from waiting sessions and from the inbox', async () => {
  const [carol, dave] = [await parts.device('carol'), await parts.device('dave')]
  await befriend(carol, dave)
  const { last } = await dave.asks('whoami')
  await dave.leaves()
  const ids: unknown[] = []
  for (const body of ['one', 'a secret', 'three']) {
    ids.push((await carol.asks('send_message', { to: dave.user, body }))['message_id'])
  }
  await carol.asks('delete_message', { message_id: ids[1] })
  const back = await parts.device('dave')
  const heard = await back.unread()
  expect(bodies(heard)).toEqual(['one', 'three'])
  expect(heard.some(({ event, message_id }) => event === 'message_deleted' && message_id === ids[1])).toBe(true)
  expect(JSON.stringify(heard)).not.toContain('secret')
  expect(JSON.stringify(await sync(back, last))).not.toContain('secret')
})
