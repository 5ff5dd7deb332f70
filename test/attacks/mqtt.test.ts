import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { IPublishPacket, ISubackPacket } from 'mqtt-packet'
import type { Device } from '../device.ts'
import { devicesLeave } from '../metrics.ts'
import { connectOn, connectPacket, connectRaw, openRaw } from '../raw-client.ts'
import { openStage, type Stage } from '../stage.ts'

// Attacks on the MQTT port. After each, Alice is still served. (Crashes of the engine: `broker/front/aedes/traps.test.ts`; rates and
// counts: `test/limits.test.ts`; how long Alice waits during an attack: `test/slow/floods.test.ts`.)

let stage: Stage
let alice: Device
beforeAll(async () => {
  stage = await openStage('contacts', { CONNECT_TIMEOUT: '5000', CONNECTS_PER_CLIENT: '1000' })
  alice = await stage.device('alice')
})
afterAll(() => stage.close())
afterEach(async () => {
  expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
})

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const publish = (topic: string, more: Partial<IPublishPacket> = {}): IPublishPacket => ({
  cmd: 'publish',
  topic,
  payload: '{}',
  qos: 0,
  dup: false,
  retain: false,
  ...more,
})

test('300 silent connections are cut off at the login timeout', async () => {
  const sockets = Array.from({ length: 300 }, () =>
    connectTcp(stage.broker.ports.mqtts, '127.0.0.1').on('error', () => {}),
  )
  const closed = sockets.map((socket) => once(socket.resume(), 'close'))
  expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
  await Promise.all(closed)
})

test('a CONNECT sent byte by byte is cut off at the login timeout', async () => {
  const slow = await openRaw(stage)
  const connect = bytes('10 20 00 04 4d 51 54 54 04 02 00 3c')
  let sent = 0
  const dripping = setInterval(() => slow.socket.write(connect.subarray(sent, ++sent)), 100)
  await slow.closed
  clearInterval(dripping)
})

const BEFORE_CONNECT: [string, Buffer][] = [
  ['a huge remaining length', bytes('10 ff ff ff 7f')],
  ['a remaining length without an end', bytes('10 ff ff ff ff ff')],
  ['a PUBLISH first', bytes('30 03 00 01 61')],
  ['a PINGREQ first', bytes('c0 00')],
  ['a CONNACK', bytes('20 02 00 00')],
  ['a packet of type 0', bytes('00 00')],
  ['a CONNECT of another protocol', bytes('10 0c 00 04 48 54 54 50 04 02 00 3c 00 00')],
  ['a CONNECT of MQTT 9', bytes('10 0c 00 04 4d 51 54 54 09 02 00 3c 00 00')],
  ['a CONNECT with a reserved flag', bytes('10 0c 00 04 4d 51 54 54 04 03 00 3c 00 00')],
  ['a truncated CONNECT', bytes('10 06 00 04 4d 51 54 54')],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
]
test.each(BEFORE_CONNECT)('%s before CONNECT ends its connection', async (_, packet) => {
  const raw = await openRaw(stage)
  raw.socket.write(packet)
  await raw.closed
})

const AFTER_CONNECT: [string, Buffer][] = [
  ['a second CONNECT', bytes('10 0c 00 04 4d 51 54 54 04 02 00 3c 00 00')],
  ['a PUBLISH of QoS 3', bytes('36 05 00 01 61 00 01')],
  ['a PUBLISH to nothing', bytes('30 02 00 00')],
  ['a PUBLISH to a/+', bytes('30 05 00 03 61 2f 2b')],
  ['a PUBLISH to #', bytes('30 03 00 01 23')],
  ['a PUBLISH with NUL in its topic', bytes('30 05 00 03 61 00 62')],
  ['a PUBLISH with broken UTF-8 in its topic', bytes('30 05 00 03 61 ff 62')],
  ['a PUBLISH with half a character in its topic', bytes('30 05 00 03 ed a0 80')],
  ['a SUBSCRIBE to nothing', bytes('82 02 00 01')],
  ['a SUBSCRIBE of QoS 3', bytes('82 06 00 01 00 01 61 03')],
  ['a SUBSCRIBE with wrong flags', bytes('80 06 00 01 00 01 61 00')],
  ['a SUBSCRIBE to +_events', Buffer.concat([bytes('82 0d 00 01 00 08'), Buffer.from('+_events'), bytes('00')])],
  ['a SUBSCRIBE to #/a', bytes('82 08 00 01 00 03 23 2f 61 00')],
  ['an UNSUBSCRIBE without filters', bytes('a2 02 00 01')],
  ['a PUBREL with wrong flags', bytes('60 02 00 01')],
  ['an AUTH on 3.1.1', bytes('f0 00')],
  ['101 levels', Buffer.concat([bytes('30 cc 01 00 ca'), Buffer.from('a/'.repeat(101))])],
]
test.each(AFTER_CONNECT)('%s ends its connection', async (_, packet) => {
  const raw = await connectRaw(stage, 'mallory', { clientId: 'm' })
  raw.socket.write(packet)
  await raw.closed
})

test('topics of 65,535 bytes are refused like any other', async () => {
  const raw = await connectRaw(stage, 'mallory', { clientId: 'm' })
  const long = 'x'.repeat(65_535)
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: long, qos: 1 }] })
  expect(((await raw.hears('suback')) as ISubackPacket).granted).toEqual([0x80])
  raw.send(publish(long, { qos: 1, messageId: 2 }))
  await raw.hears('puback')
})

test('every filter that is not the user’s own is refused, and delivers nothing', async () => {
  const raw = await connectRaw(stage, 'mallory', { clientId: 'm', clean: false })
  const filters = [
    '#',
    '+',
    'alice_events',
    'alice_contact_requested',
    'a#',
    'mallory_/#',
    '$SYS/#',
    '$share/g/alice_events',
    '/',
    'a/b',
    'request_contact',
  ]
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })) })
  expect(((await raw.hears('suback')) as ISubackPacket).granted).toEqual(filters.map(() => 0x80))
  raw.socket.destroy()
  await alice.asks('request_contact', { user_id: 'zed' })
  const again = await connectRaw(stage, 'mallory', { clientId: 'm', clean: false })
  again.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'mallory_session_info', qos: 1 }] })
  await again.hears('suback')
  again.send(publish('whoami'))
  expect(((await again.hears('publish')) as IPublishPacket).topic).toBe('mallory_session_info')
})

test.each(['alice_events', 'alice_contact_requested', '$SYS/x/new/clients', 'fleet/1/pos'])(
  'a retained message, a will and a plain message to %s reach nobody',
  async (topic) => {
    const raw = await connectRaw(stage, 'mallory', {
      clientId: 'm',
      will: { topic, payload: Buffer.from('{"event":"forged"}'), qos: 1, retain: true },
    })
    raw.send(publish(topic, { qos: 1, messageId: 1, retain: true, payload: '{"event":"forged"}' }))
    await raw.hears('puback')
    await devicesLeave(stage, () => raw.socket.destroy())
    expect((await alice.unread()).filter(({ event }) => event === 'forged')).toEqual([])
    const late = await stage.device('alice', { hears: ['contact_requested'] })
    expect(await late.unread()).toEqual([])
    await late.leaves()
  },
)

test('the broker does not hold 65,535 half-open QoS 2 messages', async () => {
  const raw = await connectRaw(stage, 'mallory', { clientId: 'm' })
  for (let messageId = 1; messageId <= 65_535 && !raw.socket.destroyed; messageId++) {
    raw.send(publish('whoami', { qos: 2, messageId }))
    if (messageId % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await raw.closed
})

test('the broker does not hold 20,000 subscriptions', async () => {
  const raw = await connectRaw(stage, 'mallory', { clientId: 'm' })
  const subscriptions = Array.from({ length: 5_000 }, (_, i) => ({ topic: `mallory_e${i}`, qos: 1 as const }))
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions })
  const { granted } = (await raw.hears('suback')) as ISubackPacket
  expect(granted.filter((code) => code === 1)).toHaveLength(stage.config.SUBSCRIPTIONS_PER_SESSION)
  for (let n = 2; n <= 5; n++) raw.send({ cmd: 'subscribe', messageId: n, subscriptions })
  await raw.closed // too many packets, a SUBSCRIBE counting as its filters
})

test("using another user's client id disconnects nobody and reveals nothing", async () => {
  const bob = await stage.device('bob', {
    clientId: 'bobs-phone',
    mqtt: { clean: false, properties: { sessionExpiryInterval: 60 } },
  })
  for (const clientId of ['bobs-phone', 'bob/bobs-phone']) {
    const raw = connectOn(await openRaw(stage), stage, 'mallory', { clientId, clean: false })
    const { sessionPresent } = (await raw.hears('connack')) as { sessionPresent?: boolean }
    expect(sessionPresent).toBe(false)
  }
  expect(await bob.asks('whoami')).toMatchObject({ client_id: 'bobs-phone' })
})

test('a hundred subscribers that stop reading hold up nobody', async () => {
  const stalled = await Promise.all(
    Array.from({ length: 90 }, (_, i) => connectRaw(stage, 'stan', { clientId: `s${i}` })),
  )
  for (const raw of stalled) {
    raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'stan_contact_list', qos: 1 }] })
    await raw.hears('suback')
    raw.socket.pause()
  }
  const stan = await stage.device('stan')
  for (let i = 0; i < 50; i++) expect(await stan.asks('get_contact_list')).toMatchObject({ event: 'contact_list' })
  expect(await alice.asks('get_contact_list')).toMatchObject({ event: 'contact_list' })
  for (const { socket } of stalled) socket.destroy()
})

test('a login whose answer is never read costs no more than others', async () => {
  const raw = await openRaw(stage)
  raw.socket.pause()
  raw.send(
    connectPacket(stage, 'mallory', { clientId: 'deaf' }),
    ...Array.from({ length: 30 }, () => publish('whoami')),
  )
  expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
  raw.socket.destroy()
})
