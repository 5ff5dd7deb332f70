import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { generate, type IPublishPacket, type ISubackPacket, type ISubscribePacket } from 'mqtt-packet'
import { z } from 'zod'
import { command, event } from '../../../shared/runtime/command.ts'
import { Run } from '../../../test/process.ts'
import { openStage, type Stage } from '../../../test/stage.ts'
import { tokenFor } from '../../../test/device.ts'
import { cpuTime } from '../../../test/cpu-time.ts'
import { connectOn, connectPacket, connectRaw, openRaw } from '../../../test/raw-client.ts'

// What crashes Aedes 2.0.0-beta.1, or what it gets wrong, on a raw socket. Each test checks that another user can go on.

const WORDS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
const counted = event('counted', { total: z.number(), text: z.string() })
let total = 0
const count = command({
  input: z.object({ text: z.string() }),
  events: { counted },
  run: ({ text }) => ({ reply: counted({ total: ++total, text }) }),
})
const marked = event('marked', {})
const mark = command({ input: z.object({}), events: { marked }, run: () => ({ reply: marked({}) }) })
let stage: Stage
beforeAll(async () => {
  stage = await openStage([], { MAX_UNSENT_BYTES: '16384', CONNECT_TIMEOUT: '2000', MAX_KEEPALIVE: '90' })
  await stage.serve('counting', new Map(Object.entries({ count, mark })))
})
afterAll(() => stage.close())

const publish = (topic: string, more: Partial<IPublishPacket> = {}): IPublishPacket => ({
  cmd: 'publish',
  topic,
  payload: '{"text":""}',
  qos: 0,
  dup: false,
  retain: false,
  ...more,
})

async function serves(): Promise<void> {
  const bob = await stage.device('bob')
  expect(await bob.asks('whoami')).toMatchObject({ event: 'session_info' })
  await bob.leaves()
}

test.each(WORDS)('a client id %s does no harm', async (clientId) => {
  const raw = await connectRaw(stage, 'mallory', { clientId })
  raw.send({ cmd: 'pingreq' })
  await raw.hears('pingresp')
  await serves()
})

test('refuses filters that are names on Object.prototype, and unsubscribing from them does no harm', async () => {
  const raw = await connectRaw(stage, 'mallory', { clientId: 'words' })
  const subscriptions = WORDS.map((topic) => ({ topic, qos: 1 as const }))
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions })
  const { granted } = (await raw.hears('suback')) as ISubackPacket
  expect(granted.every((code) => code === 0x80)).toBe(true)
  raw.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: WORDS })
  await raw.hears('unsuback')
  raw.send(...WORDS.map((topic) => publish(topic)), { cmd: 'pingreq' })
  await raw.hears('pingresp')
  await serves()
})

test('acknowledgements of messages never sent, and a duplicate PUBREL, do no harm', async () => {
  const raw = await connectRaw(stage, 'mallory', { clientId: 'acks' })
  for (const cmd of ['puback', 'pubrec', 'pubcomp', 'pubrel', 'pubrel'] as const) raw.send({ cmd, messageId: 77 })
  raw.send({ cmd: 'pingreq' })
  await raw.hears('pingresp')
  await serves()
})

test('a resent QoS 2 PUBLISH counts once; its id is free again in the next clean session', async () => {
  const before = total
  const once = publish('count', { qos: 2, messageId: 5 })
  const raw = await connectRaw(stage, 'quinn', { clientId: 'two' })
  raw.send(once)
  await raw.hears('pubrec')
  raw.send({ ...once, dup: true })
  await raw.hears('pubrec')
  raw.socket.destroy() // no PUBREL: the id is left behind
  await raw.closed

  const next = await connectRaw(stage, 'quinn', { clientId: 'two' })
  next.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'quinn_counted', qos: 0 }] })
  await next.hears('suback')
  next.send(once)
  await next.hears('pubrec')
  const answer = (await next.hears('publish')) as IPublishPacket
  expect(JSON.parse(answer.payload.toString())).toMatchObject({ total: before + 2 })
})

test('PUBACKs come in the order of the PUBLISHes, refused ones among them', async () => {
  const raw = await connectRaw(stage, 'olga', { clientId: 'order' })
  const ids = Array.from({ length: 60 }, (_, i) => i + 1)
  raw.send(...ids.map((messageId) => publish(messageId % 3 === 0 ? 'no_such' : 'count', { qos: 1, messageId })))
  const acks: unknown[] = []
  for (const _ of ids) acks.push((await raw.hears('puback')).messageId)
  expect(acks).toEqual(ids)
})

test('a huge packet is refused on its first bytes, before CONNECT and after', async () => {
  const huge = Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x61])
  const stranger = await openRaw(stage)
  stranger.socket.write(huge)
  await stranger.closed
  const raw = await connectRaw(stage, 'mallory', { clientId: 'huge' })
  raw.socket.write(huge)
  await raw.closed
  await serves()
})

test('a subscriber that stops reading stalls nobody, and is disconnected when too much waits for it', async () => {
  const frozen = await connectRaw(stage, 'fay', { clientId: 'frozen' })
  frozen.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'fay_counted', qos: 1 }] })
  await frozen.hears('suback')
  frozen.socket.pause()
  const fay = await stage.device('fay')
  const gone = new Promise((resolve) => frozen.socket.once('end', resolve).once('close', resolve))
  const text = 'x'.repeat(60_000)
  for (let i = 0; i < 300; i++) expect(await fay.asks('count', { text })).toMatchObject({ event: 'counted' })
  await serves()
  frozen.socket.resume()
  await gone
})

test('a CONNECT that never ends is cut off at its time limit', async () => {
  const slow = await openRaw(stage)
  const connect = Buffer.from([0x10, 20, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60])
  const dripping = setInterval(() => slow.socket.write(connect.subarray(0, 1)), 50)
  slow.socket.write(connect.subarray(0, 5))
  await slow.closed
  clearInterval(dripping)
  await serves()
})

test('keepalive 0 gets a bound, and MQTT 5 clients are told', async () => {
  const kay = await stage.device('kay', { mqtt: { keepalive: 0 } })
  expect(kay.connack?.properties).toMatchObject({ serverKeepAlive: 90 })
})

test('of twenty simultaneous connections with one client id, one stays and is served', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => openRaw(stage)))
  for (const raw of all) connectOn(raw, stage, 'tess', { clientId: 'one' })
  const open = new Set(all)
  for (const raw of all) void raw.closed.then(() => open.delete(raw))
  await Promise.race(all.map(async (raw) => Promise.all(all.filter((one) => one !== raw).map(({ closed }) => closed))))
  const [last] = open
  last!.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'tess_counted', qos: 1 }] })
  await last!.hears('suback')
  last!.send(publish('count'))
  expect(((await last!.hears('publish')) as IPublishPacket).topic).toBe('tess_counted')
})

test('a duplicate property ends its connection and nothing else', async () => {
  const once = generate(
    {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId: 'twice',
      username: 'JWT',
      password: Buffer.from(tokenFor('mallory', stage.secret)),
      keepalive: 60,
      properties: { sessionExpiryInterval: 10 },
    },
    { protocolVersion: 5 },
  )
  const at = once.indexOf(Buffer.from([5, 0x11, 0, 0, 0, 10])) // the properties: their length, and a single one
  const body = Buffer.concat([
    once.subarray(3, at),
    Buffer.from([10, 0x11, 0, 0, 0, 10, 0x11, 0, 0, 0, 20]),
    once.subarray(at + 6),
  ])
  const raw = await openRaw(stage)
  raw.socket.write(Buffer.concat([Buffer.from([0x10, (body.length % 128) + 128, Math.floor(body.length / 128)]), body]))
  await raw.closed
  await serves()
})

test('a SUBSCRIBE of thousands of filters in a persistent session holds up nobody', async () => {
  const raw = await connectRaw(stage, 'mallory', { clientId: 'many', clean: false })
  const subscriptions = Array.from({ length: 8_000 }, (_, i) => ({ topic: `mallory_e${i}`, qos: 1 as const }))
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions })
  const began = cpuTime()
  await serves()
  expect(cpuTime() - began).toBeLessThan(5_000) // a minute, when each filter stored all of them
  await raw.hears('suback')
})

test('of two connections that take over a third at once, the loser is closed and hears nothing more', async () => {
  const first = await connectRaw(stage, 'zoe', { clientId: 'one' })
  const [second, third] = [await openRaw(stage), await openRaw(stage)]
  connectOn(second, stage, 'zoe', { clientId: 'one' })
  connectOn(third, stage, 'zoe', { clientId: 'one' })
  await Promise.all([first.closed, Promise.race([second.closed, third.closed])])
  await serves()
})

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const MALFORMED: [string, Buffer][] = [
  ['a Response Topic that reaches beyond its packet', bytes('30 07 00 01 61 03 08 ff ff')],
  ['a refused PUBLISH that ends before its message id', bytes('32 06 00 04 6e 6f 70 65')],
  ['a content type that is cut off', bytes('30 07 00 01 61 03 03 ff ff')],
  ['a user property that is cut off', bytes('30 0a 00 01 61 06 26 00 01 61 ff ff')],
  ['an expiry that is cut off', bytes('30 06 00 01 61 02 02 00')],
  ['message id 0', bytes('32 06 00 01 61 00 00 00')],
  ['a SUBSCRIBE with message id 0', bytes('82 07 00 00 00 00 01 61 00')],
  ['an UNSUBSCRIBE without filters', bytes('a2 03 00 01 00')],
  ['a subscription identifier in a PUBLISH', bytes('30 06 00 01 61 02 0b 01')],
  ['two topic aliases', bytes('30 0a 00 01 61 06 23 00 01 23 00 02')],
]
test.each(MALFORMED)('%s ends its connection, and nothing else', async (_, packet) => {
  const raw = await connectRaw(stage, 'mallory', { clientId: 'malformed', protocolVersion: 5 })
  raw.socket.write(packet)
  await raw.closed
  await serves()
})

test('a will of QoS 3 is refused', async () => {
  const packet = generate(
    connectPacket(stage, 'mallory', { will: { topic: 'count', payload: Buffer.from('{}'), qos: 2, retain: false } }),
  )
  packet[packet.indexOf('MQTT') + 5]! |= 0x18 // the connect flags
  const raw = await openRaw(stage)
  raw.socket.write(packet)
  await raw.closed
  await serves()
})

test('lengths that reach into the packets behind them cost no time', async () => {
  const raw = await openRaw(stage, 5)
  const connect = generate(connectPacket(stage, 'mallory', { protocolVersion: 5 }), { protocolVersion: 5 })
  const reaching = Buffer.concat(Array.from({ length: 8_000 }, () => bytes('30 06 00 01 0b 8f 3f 27')))
  const began = cpuTime()
  raw.socket.write(Buffer.concat([connect, reaching]))
  await serves()
  await raw.closed
  expect(cpuTime() - began).toBeLessThan(2_000) // 3.6 s of the broker's only thread, without the reader
})

test('a connection that has used up its share of a turn is not read until the next', async () => {
  const closed = new Promise<number>((resolve) => {
    const opened = (message: unknown): void => {
      const { socket } = message as { socket: Socket }
      socket.once('close', () => resolve(socket.bytesRead))
      unsubscribe('net.server.socket', opened)
    }
    subscribe('net.server.socket', opened)
  })
  const flooder = stage.keep(new Run(['test/flooder.ts', 'pings', `${stage.broker.ports.mqtts}`, stage.secret, '20']))
  const read = await closed
  await flooder.close()
  expect(read).toBeGreaterThan(40_000) // 20,000 PINGs are allowed
  expect(read).toBeLessThan(1_000_000) // 80 MB, without the limit per turn
  await serves()
})

test('no packet is handled before its sender has logged in', async () => {
  const before = total
  const raw = await openRaw(stage)
  const connect = generate(connectPacket(stage, 'nina', { clientId: 'eager' }))
  const subscribe = generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'nina_counted', qos: 1 }] })
  const counts = Buffer.concat([1, 2].map((messageId) => generate(publish('count', { qos: 1, messageId }))))
  raw.socket.write(Buffer.concat([connect, subscribe.subarray(0, 4)])) // two TLS records, one segment
  raw.socket.write(Buffer.concat([subscribe.subarray(4), counts]))
  const heard = []
  for (let i = 0; i < 6; i++) heard.push((await raw.hears('connack', 'suback', 'puback', 'publish')).cmd)
  expect(heard[0]).toBe('connack')
  expect(heard.filter((cmd) => cmd === 'suback')).toHaveLength(1)
  expect(total).toBe(before + 2)
})

test('packets in one chunk with CONNECT are handled before later ones, however long the session’s queue', async () => {
  const kept = { clientId: 'queue', clean: false }
  const first = await connectRaw(stage, 'otto', kept)
  first.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'otto_counted', qos: 1 }] })
  await first.hears('suback')
  first.socket.destroy()
  const other = await stage.device('otto', { clientId: 'other' })
  for (let i = 0; i < 30; i++) await other.asks('count', { text: 'x' })
  const raw = await openRaw(stage)
  const say = (text: string, messageId: number): Buffer =>
    generate(publish('count', { qos: 1, messageId, payload: JSON.stringify({ text }) }))
  raw.socket.write(Buffer.concat([generate(connectPacket(stage, 'otto', kept)), say('1', 1), say('2', 2)]))
  await raw.hears('connack')
  for (const n of [3, 4, 5]) raw.socket.write(say(String(n), n))
  for (let i = 0; i < 5; i++) await other.hears('counted', i + 1)
  const order: unknown[] = []
  for (let i = 0; i < 5; i++) order.push((await other.receives('counted'))['text'])
  expect(order).toEqual(['1', '2', '3', '4', '5'])
})

test('a packet that ends its connection is not handled, nor are packets behind it or behind a DISCONNECT', async () => {
  const before = total
  const doubled = await connectRaw(stage, 'mallory', { clientId: 'doubled', protocolVersion: 5 })
  const [topic, expiries] = ['00 05 63 6f 75 6e 74', '0a 02 00 00 00 01 02 00 00 00 02'] // count
  doubled.socket.write(Buffer.concat([bytes(`30 1d ${topic} ${expiries}`), Buffer.from('{"text":""}')]))
  await doubled.closed
  const leaving = await connectRaw(stage, 'mallory', { clientId: 'leaving' })
  leaving.send({ cmd: 'disconnect' }, publish('count', { qos: 1, messageId: 1 }))
  await leaving.closed
  const bob = await stage.device('bob')
  expect(await bob.asks('count', { text: '' })).toMatchObject({ total: before + 1 })
})

test('a QoS 2 PUBLISH whose connection breaks while it is being stored leaves nothing behind', async () => {
  const raw = await connectRaw(stage, 'quinn', { clientId: 'broken' })
  raw.send(publish('count', { qos: 2, messageId: 9 }))
  raw.socket.destroy()
  const kept = await connectRaw(stage, 'quinn', { clientId: 'broken', clean: false })
  const before = await (await stage.device('bob')).asks('count', { text: '' })
  kept.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'quinn_counted', qos: 0 }] })
  await kept.hears('suback')
  kept.send(publish('count', { qos: 2, messageId: 9 }))
  const answer = (await kept.hears('publish')) as IPublishPacket
  expect(JSON.parse(answer.payload.toString())).toMatchObject({ total: Number(before['total']) + 1 })
})

test('a slow subscriber at QoS 0 loses messages, not its connection', async () => {
  const slow = await connectRaw(stage, 'gus', { clientId: 'slow' })
  slow.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'gus_counted', qos: 0 }] })
  await slow.hears('suback')
  const gus = await stage.device('gus', { hears: ['marked'] })
  const text = 'x'.repeat(60_000)
  let bytes = 0
  slow.socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
  // How much a socket buffers without a reader depends on the system. A client that accepts nothing for five seconds is disconnected.
  for (let count = 25, isWhole = true; isWhole; count *= 2) {
    slow.socket.pause()
    bytes = 0
    await Promise.all(Array.from({ length: count }, () => gus.sends('count', { text })))
    await gus.asks('mark') // what Gus sent before is handled
    slow.socket.resume()
    slow.send({ cmd: 'pingreq' })
    await slow.hears('pingresp')
    isWhole = bytes >= count * 60_000
  }
})

test('a client gets nothing over its Maximum Packet Size, and no such message is resent', async () => {
  const connect = {
    clientId: 'small',
    clean: false,
    protocolVersion: 5,
    properties: { maximumPacketSize: 500 },
  } as const
  const small = await connectRaw(stage, 'sid', connect)
  small.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'sid_counted', qos: 1 }] })
  await small.hears('suback')
  const sid = await stage.device('sid')
  await sid.asks('count', { text: 'x'.repeat(1_000) })
  await sid.asks('count', { text: 'short' })
  const heard = (await small.hears('publish')) as IPublishPacket
  expect(JSON.parse(heard.payload.toString())).toMatchObject({ text: 'short' })
})

test('a SUBSCRIBE right behind an UNSUBSCRIBE of the same topic holds', async () => {
  const raw = await connectRaw(stage, 'ulf', { clientId: 'again' })
  const subscribe = (qos: 0 | 1, messageId: number): ISubscribePacket => ({
    cmd: 'subscribe',
    messageId,
    subscriptions: [{ topic: 'ulf_counted', qos }],
  })
  raw.send(subscribe(1, 1))
  await raw.hears('suback')
  const topics = ['ulf_counted']
  for (const qos of [1, 0] as const) {
    raw.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: topics }, subscribe(qos, 3), publish('count'))
    const heard = []
    for (let i = 0; i < 3; i++) heard.push((await raw.hears('unsuback', 'suback', 'publish')).cmd)
    expect(heard).toContain('publish')
  }
})
