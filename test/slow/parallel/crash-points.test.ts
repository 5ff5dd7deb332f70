import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device } from '../../device.ts'
import { Parts } from '../../parts.ts'
import type { Run } from '../../process.ts'

// One command, with a process killed at each point between the handler's commit and the broker's acknowledgement of the result.

let parts: Parts
let handlers: Run
beforeAll(async () => {
  parts = await Parts.open()
  handlers = await parts.startHandlers()
})
afterAll(() => parts.close())

const dieAt = (point: string): Record<string, string> => ({
  DIE_AT: point,
  NODE_OPTIONS: `--import ${fileURLToPath(new URL('../../die-at.mjs', import.meta.url))}`,
})

/** Both people get the request once, and it is listed once. */
async function onceOnly(alice: Device, bob: Device, re: string): Promise<void> {
  expect(await alice.receives('contact_request_sent')).toMatchObject({ re, user_id: bob.user })
  expect(await bob.receives('contact_requested')).toMatchObject({ user_id: alice.user, note: 'hello' })
  const { contacts } = await alice.asks('get_contact_list')
  expect(contacts).toEqual([{ user_id: bob.user, state: 'requested', note: 'hello' }])
  for (const one of [alice, bob]) {
    const heard = (await one.unread()).map(({ event }) => event)
    expect(heard.filter((event) => event !== 'command_queued')).toEqual([])
  }
}

let pairs = 0
async function twoPeople(): Promise<[Device, Device]> {
  pairs++
  return [await parts.device(`alice${pairs}`), await parts.device(`bob${pairs}`, { version: 4 })]
}

test.each(['committed', 'said'])('a handler is killed after it has %s', async (point) => {
  const [alice, bob] = await twoPeople()
  handlers.kill('SIGTERM')
  await handlers.ended
  const victim = await parts.startHandlers('contacts', dieAt(point))
  const re = await alice.sends('request_contact', { user_id: bob.user, note: 'hello' })
  expect(await victim.ended).toBe('SIGKILL')
  handlers = await parts.startHandlers()
  await onceOnly(alice, bob, re)
})

test.each([
  ['stores the answer in the place of the command', 'storing queue'],
  ['keeps the first event for sessions and inboxes', 'storing kept_events'],
  ['stores that a session has acknowledged the first event', 'storing cursors'],
  ['has stored all, and let out nothing', 'out 0'],
  ['has let out one of two events', 'out 1'],
  ['has let out both, and acknowledges nothing more', 'unacknowledged'],
])('the broker is killed when it %s', async (_when, point) => {
  const [alice, bob] = await twoPeople()
  await parts.killBroker()
  const victim = await parts.startBroker(dieAt(point))
  const re = 'the one'
  void alice.sends('request_contact', { user_id: bob.user, note: 'hello' }, { id: re }).catch(() => {})
  expect(await victim.ended).toBe('SIGKILL')
  await parts.startBroker()
  await onceOnly(alice, bob, re)
})
