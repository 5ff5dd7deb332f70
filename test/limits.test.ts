import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { ISubackPacket } from 'mqtt-packet'
import { tokenFor, type Device } from './device.ts'
import { PlainHandler } from './plain-handler.ts'
import { connectOn, connectRaw, openRaw } from './raw-client.ts'
import { openStage, type Stage } from './stage.ts'

// Rate and size limits: each bound, what a user beyond it is told, and that nobody else is affected.

const lines: string[] = []
let stage: Stage
beforeAll(async () => {
  const limits = {
    PUBLISHES_PER_USER: '40',
    PACKETS_PER_CONNECTION: '300',
    CONNECTS_PER_CLIENT: '15',
    CONNECT_BAN: '10000',
    SESSIONS_PER_USER: '5',
    SUBSCRIPTIONS_PER_SESSION: '10',
    HALF_OPEN_PER_SESSION: '20',
  }
  stage = await openStage('contacts', limits, lines)
})
afterAll(() => stage.close())

async function serves(): Promise<void> {
  const bob = await stage.device(`bystander-${Math.random()}`)
  expect(await bob.asks('whoami')).toMatchObject({ event: 'session_info' })
  await bob.leaves()
}
const refusals = (): { reason: string; user?: string; address?: string }[] =>
  lines
    .map((line) => JSON.parse(line) as { msg: string; reason: string })
    .filter(({ msg }) => msg === 'connect refused')

test('expensive commands count as more than one', async () => {
  const sven = await stage.device('sven')
  const answers = await Promise.all(Array.from({ length: 12 }, () => sven.asks('sync_events')))
  const events = answers.map(({ event }) => event)
  expect(events.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 'events_synced'))
  expect(answers.at(-1)).toMatchObject({ code: 'rate_limited', retry_after_ms: expect.any(Number) })
})

test.each([4, 5] as const)(
  'a user beyond the rate gets rate_limited with the time to wait, and stays connected (MQTT %d)',
  async (version) => {
    const alice = await stage.device(`alice${version}`, { version })
    const answers = await Promise.all(Array.from({ length: 60 }, () => alice.asks('get_contact_list')))
    const refused = answers.filter(({ event }) => event === 'command_rejected')
    expect(answers.length - refused.length).toBe(40)
    for (const one of refused) {
      expect(one).toMatchObject({ code: 'rate_limited', command: 'get_contact_list' })
      expect(one['retry_after_ms']).toBeGreaterThan(0)
      expect(one['retry_after_ms']).toBeLessThanOrEqual(10_000)
    }
    expect(alice.mqtt.connected).toBe(true)
    await serves()
  },
)

test('the rate counts all devices of a user; beyond twice the rate they are disconnected', async () => {
  const devices = await Promise.all([1, 2, 3].map(() => stage.device('flora')))
  const ends = devices.map(async ({ mqtt }) => {
    const [{ reasonCode }] = (await once(mqtt as never, 'disconnect')) as [{ reasonCode: number }]
    return reasonCode
  })
  for (const { mqtt } of devices) {
    for (let i = 0; i < 40; i++) mqtt.publish('get_contact_list', '{}', { qos: 1 }, () => {})
  }
  expect(await Promise.race(ends)).toBe(0x96)
  await serves()
})

test('the sixteenth connect of a client in a minute is refused, and later ones until its ban is over', async () => {
  const comes = async (clientId = 'flapper'): Promise<void> => (await stage.device('fred', { clientId })).leaves()
  for (let i = 0; i < 15; i++) await comes()
  lines.length = 0
  await expect(comes()).rejects.toMatchObject({ code: 0x9f })
  await expect(stage.device('fred', { clientId: 'flapper', version: 4 })).rejects.toMatchObject({ code: 3 })
  expect(refusals()).toMatchObject(
    [{ reason: /too often/, user: 'fred', address: '127.0.0.1' }, {}].map((one) => ({
      ...one,
      reason: expect.stringMatching(/too often/),
    })),
  )
  await comes('another') // another client of the same user
  await (await stage.device('fritz', { clientId: 'flapper' })).leaves() // the same client id of another user
  await new Promise((resolve) => setTimeout(resolve, 10_100)) // waits for time itself
  await comes()
})

test('sessions per user are bounded: the oldest disconnected one makes room, never a connected one', async () => {
  const kept = { mqtt: { clean: false, properties: { sessionExpiryInterval: 600 } } }
  const comes = (i: number): Promise<Device> => stage.device('sam', { clientId: `kept-${i}`, ...kept })
  for (let i = 0; i < 5; i++) await (await comes(i)).leaves()
  const present = async (i: number): Promise<boolean | undefined> => (await comes(i)).connack?.sessionPresent
  expect(await present(5)).toBe(false) // session 0 makes room for it
  expect(await present(2)).toBe(true) // session 2 still exists
  expect([await present(1), await present(3), await present(4)]).toEqual([true, true, true])
  lines.length = 0
  await expect(comes(6)).rejects.toMatchObject({ code: 0x97 })
  expect(refusals()).toMatchObject([{ user: 'sam', reason: expect.stringMatching(/too many sessions/) }])
  await serves()
})

test('subscriptions beyond the bound are refused, and earlier ones stay', async () => {
  const raw = await connectRaw(stage, 'subi', { clientId: 'subs' })
  const subscriptions = Array.from({ length: 15 }, (_, i) => ({ topic: `subi_e${i}`, qos: 1 as const }))
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions })
  const { granted } = (await raw.hears('suback')) as ISubackPacket
  expect(granted).toEqual([...Array.from({ length: 10 }, () => 1), ...Array.from({ length: 5 }, () => 0x80)])
  raw.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['subi_e0'] })
  await raw.hears('unsuback')
  raw.send({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'subi_more', qos: 1 }] })
  expect(((await raw.hears('suback')) as ISubackPacket).granted).toEqual([1])
})

test('half-open QoS 2 messages beyond the bound end the connection', async () => {
  const raw = await connectRaw(stage, 'half', { clientId: 'half' })
  const publish = {
    cmd: 'publish',
    topic: 'get_contact_list',
    payload: '{}',
    qos: 2,
    dup: false,
    retain: false,
  } as const
  for (let messageId = 1; messageId <= 21; messageId++) raw.send({ ...publish, messageId })
  await raw.closed
  await serves()
})

test('a flood of PINGs, or of SUBSCRIBEs, ends its connection', async () => {
  const pinger = await connectRaw(stage, 'pinger', { clientId: 'ping' })
  pinger.send(...Array.from({ length: 400 }, () => ({ cmd: 'pingreq' }) as const))
  await pinger.closed
  const subscriber = await connectRaw(stage, 'subscriber', { clientId: 'sub' })
  const subscriptions = Array.from({ length: 50 }, (_, i) => ({ topic: `bob_e${i}`, qos: 0 as const }))
  for (let messageId = 1; messageId < 10; messageId++) subscriber.send({ cmd: 'subscribe', messageId, subscriptions })
  await subscriber.closed
  await serves()
})

test('connections of an address that opens or holds too many are closed before the handshake', async () => {
  const said: string[] = []
  const small = await openStage([], { CONNECTIONS_PER_ADDRESS: '3', CONNECTS_PER_ADDRESS: '10' }, said)
  try {
    const alice = await small.device('alice')
    const others = [await openRaw(small), await openRaw(small)]
    const fourth = connectTcp(small.broker.ports.mqtts, '127.0.0.1').on('error', () => {})
    await once(fourth, 'close')
    others[0]!.socket.destroy()
    await others[0]!.closed
    const web = connectTcp(small.broker.ports.wss, '127.0.0.1').on('error', () => {})
    await once(web, 'connect')
    for (let i = 0; i < 8; i++) {
      const one = connectTcp(small.broker.ports.mqtts, '127.0.0.1').on('error', () => {})
      await once(one, 'close')
    }
    expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
    const reasons = said
      .filter((line) => line.includes('"connect refused"'))
      .map((line) => (JSON.parse(line) as { reason: string }).reason)
    expect(reasons).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/too many connections/),
        expect.stringMatching(/too many connects/),
      ]),
    )
    web.destroy()
  } finally {
    await small.close()
  }
})

test('a right handler key is admitted from an address whose limits others have exhausted', async () => {
  const small = await openStage([], { CONNECTIONS_PER_ADDRESS: '30', CONNECTS_PER_ADDRESS: '40' })
  try {
    await (await PlainHandler.connect(small, 'contacts.1')).mqtt.endAsync(true)
    const guesser = { key: 'a key that is guessed' }
    for (let i = 0; i < 3; i++)
      await expect(PlainHandler.connect(small, 'contacts.2', guesser)).rejects.toMatchObject({ code: 0x87 })
    const held = Array.from({ length: 100 }, () =>
      connectTcp(small.broker.ports.mqtts, '127.0.0.1').on('error', () => {}),
    )
    await Promise.all(held.map((socket) => once(socket, 'connect')))
    for (const version of [4, 5] as const) {
      const handler = await PlainHandler.connect(small, 'contacts.3', { version })
      await handler.takes('get_contact_list')
    }
    for (const socket of held) socket.destroy()
  } finally {
    await small.close()
  }
})

test('a first packet over 40 KB is refused unread; a token and a will fit', async () => {
  const stranger = await openRaw(stage)
  stranger.socket.write(Buffer.from([0x10, 0x81, 0xc0, 0x02]))
  await stranger.closed
  const whole = connectOn(await openRaw(stage), stage, 'big', {
    will: { topic: 'whoami', payload: Buffer.alloc(48_000), qos: 0, retain: false },
  })
  await whole.closed
  const token = tokenFor('long', stage.secret, { more: 'x'.repeat(12_000) })
  const will = { topic: 'whoami', payload: Buffer.alloc(20_000), qos: 0 as const, retain: false }
  await connectRaw(stage, 'long', { password: Buffer.from(token), will })
})
