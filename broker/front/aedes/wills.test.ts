import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../../test/stage.ts'
import { connectRaw, openRaw } from '../../../test/raw-client.ts'
import { tokenFor } from '../../../test/device.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts')
})
afterAll(() => stage.close())

const willOf = (topic: string, payload: object) => ({
  will: { topic, payload: Buffer.from(JSON.stringify(payload)), qos: 1 as const, retain: true },
})

test('a will that is a command runs as the user’s own command when the connection breaks', async () => {
  const bob = await stage.device('bob')
  const raw = await connectRaw(stage, 'alice', willOf('request_contact', { user_id: 'bob', note: 'gone' }))
  raw.socket.destroy()
  expect(await bob.receives('contact_requested')).toMatchObject({ user_id: 'alice', note: 'gone' })
})

test('a will on another user’s event reaches nobody; its user gets forbidden', async () => {
  const [bob, alice] = [await stage.device('bob2'), await stage.device('alice2')]
  const raw = await connectRaw(stage, 'alice2', willOf('bob2_events', { event: 'contact_approved' }))
  raw.socket.destroy()
  expect(await alice.receives('command_rejected')).toMatchObject({ code: 'unknown_command' })
  expect(await bob.unread()).toEqual([])
})

test.each(['#', 'a/+', 'bob_\u0000'])('refuses a CONNECT with a will on %j', async (topic) => {
  const raw = await openRaw(stage)
  const login = { clientId: 'w', username: 'JWT', password: Buffer.from(tokenFor('alice', stage.secret)) }
  const version = { protocolId: 'MQTT', protocolVersion: 4, keepalive: 60, clean: true } as const
  raw.send({ cmd: 'connect', ...version, ...login, ...willOf(topic, {}) })
  await raw.closed
})
