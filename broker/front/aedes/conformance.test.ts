import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { IConnackPacket, IConnectPacket, IPublishPacket, IPubackPacket, ISubackPacket } from 'mqtt-packet'
import { carriedLater } from '../../../test/carried.ts'
import { tokenFor } from '../../../test/device.ts'
import { connectRaw, connectOn, openRaw, type RawClient } from '../../../test/raw-client.ts'
import { openStage, type Stage } from '../../../test/stage.ts'

// The MQTT standards, clause by clause, through TLS and a login, on open topics.

const lines: string[] = []
let stage: Stage
beforeAll(async () => {
  const settings = {
    CONNECTS_PER_CLIENT: '1000',
    HALF_OPEN_PER_SESSION: '20',
    MAX_KEEPALIVE: '90',
    MAX_RETAINED: '60',
    RETAINED_PER_USER: '50',
    RETAINED_BYTES_PER_USER: '8000000',
  }
  // Messages between front and core take a turn, as between processes.
  stage = await openStage([], settings, lines, carriedLater)
})
afterAll(() => stage.close())

const ALL = { pub: ['fleet/#', 'other/#'], sub: ['fleet/#', 'other/#'] }

/** A CONNECT with a grant for open topics. */
function granted(sub: string, more: Partial<IConnectPacket> = {}): Partial<IConnectPacket> {
  const protocolVersion = more.protocolVersion ?? 5
  return { ...more, protocolVersion, password: Buffer.from(tokenFor(sub, stage.secret, { acl: ALL })) }
}
const connected = (sub: string, more: Partial<IConnectPacket> = {}): Promise<RawClient> =>
  connectRaw(stage, sub, granted(sub, more))

async function connackOf(sub: string, more: Partial<IConnectPacket>): Promise<IConnackPacket> {
  const raw = connectOn(await openRaw(stage, more.protocolVersion === 5 ? 5 : 4), stage, sub, more)
  return (await raw.hears('connack')) as IConnackPacket
}

let lastId = 0
async function takes(raw: RawClient, topic: string, more: object = {}): Promise<number | object | undefined> {
  raw.send({ cmd: 'subscribe', messageId: ++lastId, subscriptions: [{ topic, qos: 1, ...more }] })
  return ((await raw.hears('suback')) as ISubackPacket).granted[0]
}
function says(raw: RawClient, topic: string, more: Partial<IPublishPacket> = {}): void {
  raw.send({ cmd: 'publish', topic, payload: 'x', qos: 1, messageId: ++lastId, dup: false, retain: false, ...more })
}
async function puback(raw: RawClient): Promise<number | undefined> {
  return ((await raw.hears('puback')) as IPubackPacket).reasonCode
}

test.each([
  ['MQTT', 4, 0],
  ['MQTT', 4, 65_535],
  ['MQIsdp', 3, 0],
  ['MQIsdp', 3, 60],
] as const)(
  '%s %d with keepalive %d is accepted [MQTT 3.1.1, 3.1.2.10]',
  async (protocolId, protocolVersion, keepalive) => {
    expect(await connackOf('kay', { protocolId, protocolVersion, keepalive })).toMatchObject({ returnCode: 0 })
  },
)

test.each([0, 65_535])(
  'CONNACK tells an MQTT 5 client what its keepalive %d becomes [MQTT-3.1.2-21]',
  async (keepalive) => {
    const { properties } = await connackOf('kay', { protocolVersion: 5, keepalive })
    expect(properties).toMatchObject({ serverKeepAlive: 90 })
  },
)

const OTHER_LEVELS = [0, 1, 2, 3, 6, 127, 131, 134].map((level) => ['MQTT', level] as const)
test.each([...OTHER_LEVELS, ['MQIsdp', 4], ['MQIsdp', 5]] as const)(
  'protocol level %s %d gets CONNACK 1, and is closed [MQTT-3.1.2-2]',
  async (name, level) => {
    const raw = await openRaw(stage)
    const heard: Buffer[] = []
    raw.socket.on('data', (chunk: Buffer) => heard.push(chunk))
    const head = [0x10, name.length + 9, 0, name.length, ...Buffer.from(name)]
    raw.socket.write(Buffer.from([...head, level, 2, 0, 60, 0, 1, 97]))
    await once(raw.socket, 'close')
    expect(Buffer.concat(heard).toString('hex')).toBe('20020001')
  },
)

test('a refused CONNECT gets a code of its protocol version [MQTT-3.2.2-4, MQTT 5 3.2.2.2]', async () => {
  for (const version of [3, 4] as const) {
    const wrong = {
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: version,
      password: Buffer.from('x'),
    }
    expect(await connackOf('kay', wrong as Partial<IConnectPacket>)).toMatchObject({ returnCode: 5 })
  }
  expect(await connackOf('kay', { protocolVersion: 5, password: Buffer.from('x') })).toMatchObject({ reasonCode: 0x87 })
})

test('CONNACK fits the client’s Maximum Packet Size, without user properties if need be [MQTT-3.2.2-20]', async () => {
  const most = (maximumPacketSize: number) => ({ protocolVersion: 5 as const, properties: { maximumPacketSize } })
  expect((await connackOf('max', most(1_000))).properties?.userProperties).toEqual({
    'user-id': 'max',
    'idempotency-window': '600000',
  })
  const small = await connackOf('max', most(24))
  expect([small.reasonCode, small.properties?.userProperties]).toEqual([0, undefined])
  const none = connectOn(await openRaw(stage, 5), stage, 'max', most(4))
  const heard: Buffer[] = []
  none.socket.on('data', (chunk: Buffer) => heard.push(chunk))
  await none.closed
  expect(heard).toEqual([])
})

test('a SUBSCRIBE that names a filter twice gets a code for each [MQTT-3.9.3-1], and the last one counts [MQTT-3.8.4-3]', async () => {
  for (const [protocolVersion, clean] of [
    [4, true],
    [5, true],
    [4, false],
  ] as const) {
    const raw = await connected('twin', { protocolVersion, clean, clientId: `twin${protocolVersion}${clean}` })
    const [topic, other] = ['fleet/twice', 'fleet/other']
    const subscriptions = [
      { topic, qos: 2 as const },
      { topic: other, qos: 1 as const },
      { topic, qos: 0 as const },
    ]
    raw.send({ cmd: 'subscribe', messageId: 1, subscriptions })
    expect(((await raw.hears('suback')) as ISubackPacket).granted).toEqual([2, 1, 0])
    says(raw, topic)
    expect(await raw.hears('publish')).toMatchObject({ qos: 0 })
    raw.send({ cmd: 'disconnect' })
    await raw.closed
  }
})

test('no wildcard at the first level matches `$` topics [MQTT-4.7.2-1], and nobody may use them', async () => {
  const raw = await connected('dollar')
  expect(await takes(raw, '+/+')).toBe(0x87)
  for (const topic of ['$SYS/x', '$fleet/x']) {
    says(raw, topic)
    expect(await puback(raw)).toBe(0x87)
  }
})

const UNFIT = ['\u0001', '\u0085', '\u{1fffe}', '\uffff', '\ufdd0']
test.each(UNFIT)('no MQTT string of an open message goes out with %j [MQTT-1.5.4]', async (bad) => {
  const raw = await connected('writer')
  for (const properties of [
    { contentType: bad },
    { responseTopic: `fleet/${bad}` },
    { userProperties: { [bad]: 'x' } },
    { userProperties: { x: bad } },
  ]) {
    says(raw, 'fleet/1', { properties })
    expect(await puback(raw)).toBe(0x99)
  }
  says(raw, 'fleet/1', { properties: { contentType: 'text/plain', userProperties: { Größe: '東京' } } })
  expect(await puback(raw)).toBe(0)
})

test.each(UNFIT)('refuses %j in a command’s id, which would crash the handlers it goes to', async (bad) => {
  const alice = await stage.device('alice')
  alice.mqtt.publish('whoami', JSON.stringify({ id: `a${bad}b` }), { qos: 1 })
  expect(await alice.receives('command_rejected')).toMatchObject({
    code: 'bad_payload',
    fields: { id: expect.anything() },
  })
  await alice.leaves()
})

test('an expired retained message takes up no room [MQTT-3.3.2-5]', async () => {
  const raw = await connected('expiring')
  const kept = async (name: string, more: Partial<IPublishPacket> = {}): Promise<number | undefined> => {
    says(raw, `other/brief/${name}`, { retain: true, ...more })
    return puback(raw)
  }
  for (let i = 0; i < 49; i++) expect(await kept(`${i}`)).toBe(0)
  expect(await kept('brief', { properties: { messageExpiryInterval: 1 } })).toBe(0)
  while ((await kept('more')) !== 0); // rate_limited until the second has passed
  expect(await kept('still more')).toBe(0x97)
  for (const name of ['more', ...Array.from({ length: 49 }, (_, i) => `${i}`)]) await kept(name, { payload: '' })
})

test('retained messages are bounded per user, and all of them arrive, page by page, at every QoS', async () => {
  const raw = await connected('hoarder')
  const large = { retain: true, payload: Buffer.alloc(200_000) }
  for (let i = 0; i < 39; i++) {
    says(raw, `fleet/large/${i}`, large)
    expect(await puback(raw)).toBe(0)
  }
  for (let i = 39; i < 42; i++) says(raw, `fleet/large/${i}`, large)
  expect([await puback(raw), await puback(raw), await puback(raw)]).toEqual([0x97, 0x97, 0x97])
  for (const [qos, clean] of [
    [0, true],
    [1, true],
    [1, false],
  ] as const) {
    const sub = await connected('reader', { protocolVersion: 4, clean, clientId: `reader${qos}${clean}` })
    sub.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'fleet/large/#', qos }] })
    const topics = new Set<string>()
    while (topics.size < 39) {
      const packet = (await sub.hears('publish')) as IPublishPacket
      topics.add(packet.topic)
      if (qos === 1) sub.send({ cmd: 'puback', messageId: packet.messageId! })
    }
    sub.socket.destroy()
  }
})

test('a client gets no more in flight than its Receive Maximum, and the rest in order as it acknowledges [MQTT-3.3.4-9]', async () => {
  const van = await connected('sender')
  for (const more of [{ clean: true }, { clean: false, properties: { sessionExpiryInterval: 60 } }]) {
    const properties = { ...more.properties, receiveMaximum: 2 }
    const raw = await connected('slow', { ...more, properties, clientId: `slow${more.clean}` })
    await takes(raw, 'fleet/slow', { qos: 2 })
    for (let i = 0; i < 7; i++) says(van, 'fleet/slow', { payload: `${i}`, qos: i % 2 === 0 ? 1 : 2 })
    const heard: string[] = []
    const waiting: IPublishPacket[] = []
    while (heard.length < 7) {
      const packet = (await raw.hears('publish')) as IPublishPacket
      heard.push(packet.payload.toString())
      waiting.push(packet)
      if (waiting.length < 2 && heard.length < 7) continue
      raw.send({ cmd: 'pingreq' }) // PINGRESP comes after everything that was sent before
      expect((await raw.hears('publish', 'pingresp')).cmd).toBe('pingresp')
      const { qos, messageId } = waiting.shift()!
      if (qos === 1) raw.send({ cmd: 'puback', messageId: messageId! })
      else {
        raw.send({ cmd: 'pubrec', messageId: messageId! })
        expect(await raw.hears('pubrel', 'publish')).toMatchObject({ cmd: 'pubrel', messageId })
        raw.send({ cmd: 'pubcomp', messageId: messageId! })
      }
    }
    expect(heard).toEqual(['0', '1', '2', '3', '4', '5', '6'])
    raw.send({ cmd: 'disconnect' })
    await raw.closed
  }
})

test('messages that waited for an absent client respect its Receive Maximum too', async () => {
  const lasting = { clean: false, clientId: 'absent', properties: { sessionExpiryInterval: 60, receiveMaximum: 1 } }
  const before = await connected('absent', lasting)
  await takes(before, 'fleet/absent')
  before.socket.destroy()
  await before.closed
  const van = await connected('sender')
  for (let i = 0; i < 4; i++) {
    says(van, 'fleet/absent', { payload: `${i}` })
    await puback(van)
  }
  const raw = await connected('absent', lasting)
  for (let i = 0; i < 4; i++) {
    const { payload, messageId } = (await raw.hears('publish')) as IPublishPacket
    expect(payload.toString()).toBe(`${i}`)
    raw.send({ cmd: 'pingreq' })
    expect((await raw.hears('publish', 'pingresp')).cmd).toBe('pingresp')
    raw.send({ cmd: 'puback', messageId: messageId! })
  }
})

test('uses as many topic aliases as the client allows, and none by default [MQTT-3.1.2-26, 3.1.2-27]', async () => {
  const named = async (properties: object): Promise<[string, number | undefined][]> => {
    const raw = await connected('alias', { properties })
    await takes(raw, 'fleet/alias/#')
    const heard: [string, number | undefined][] = []
    for (const topic of ['a', 'a', 'b', 'a']) {
      says(raw, `fleet/alias/${topic}`, { qos: 0 })
      const packet = (await raw.hears('publish')) as IPublishPacket
      heard.push([packet.topic, packet.properties?.topicAlias])
    }
    return heard
  }
  expect(await named({ topicAliasMaximum: 1 })).toEqual([
    ['fleet/alias/a', 1],
    ['', 1],
    ['fleet/alias/b', undefined],
    ['', 1],
  ])
  for (const properties of [{}, { topicAliasMaximum: 0 }]) {
    expect((await named(properties)).map(([, alias]) => alias)).toEqual([undefined, undefined, undefined, undefined])
  }
})

test('a message over a client’s Maximum Packet Size is dropped for that client alone [MQTT-3.1.2-25]', async () => {
  const [small, other] = [
    await connected('small', { properties: { maximumPacketSize: 100 } }),
    await connected('other'),
  ]
  for (const raw of [small, other]) await takes(raw, 'fleet/size')
  const fits = 100 - 17
  const large = [
    { payload: Buffer.alloc(200, 'x') },
    { properties: { contentType: 'x'.repeat(90) } },
    { properties: { responseTopic: `fleet/${'x'.repeat(90)}` } },
    { properties: { userProperties: { x: '東'.repeat(30) } } },
    { payload: Buffer.alloc(fits + 1, 'x') },
    { payload: Buffer.alloc(fits, 'x') },
  ]
  for (const more of large) {
    says(other, 'fleet/size', more)
    await other.hears('publish')
  }
  const { length, payload } = (await small.hears('publish')) as IPublishPacket
  expect([length! + 2, payload.length]).toEqual([100, fits])
})

test('each message of a shared subscription goes to one member of the group, in turn [MQTT-4.8.2-4]', async () => {
  const group = [await connected('one', { clientId: 'one' }), await connected('two', { clientId: 'two' })]
  const alone = await connected('alone')
  for (const raw of group) expect(await takes(raw, '$share/g/fleet/shared/#')).toBe(1)
  await takes(alone, 'fleet/shared/#')
  for (let i = 0; i < 4; i++) {
    says(alone, 'fleet/shared/x', { payload: `${i}` })
    expect(await alone.hears('publish')).toMatchObject({ topic: 'fleet/shared/x' })
  }
  const heard = await Promise.all(
    group.map(async (raw) => [await raw.hears('publish'), await raw.hears('publish')] as IPublishPacket[]),
  )
  expect(heard.map((packets) => packets.map(({ payload }) => payload.toString()))).toEqual([
    ['0', '2'],
    ['1', '3'],
  ])
  group[0]!.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['$share/g/fleet/shared/#'] })
  await group[0]!.hears('unsuback')
  for (let i = 4; i < 6; i++) {
    says(alone, 'fleet/shared/x', { payload: `${i}` })
    expect(((await group[1]!.hears('publish')) as IPublishPacket).payload.toString()).toBe(`${i}`)
  }
})

test('refuses No Local on a shared subscription [MQTT-3.8.3-4], and CONNACK does not deny shared subscriptions', async () => {
  const raw = connectOn(await openRaw(stage, 5), stage, 'nl', granted('nl'))
  const { properties } = (await raw.hears('connack')) as IConnackPacket
  expect(properties?.sharedSubscriptionAvailable).toBeUndefined()
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$share/g/fleet/x', qos: 1, nl: true }] })
  await raw.closed
})

test('a resent message keeps its retain flag [MQTT-3.3.1-8, 4.4.0-1]', async () => {
  const lasting = { clean: false, clientId: 'again', properties: { sessionExpiryInterval: 60 } }
  const before = await connected('again', lasting)
  says(before, 'fleet/again', { retain: true })
  await puback(before)
  await takes(before, 'fleet/again')
  expect(await before.hears('publish')).toMatchObject({ retain: true, dup: false })
  before.socket.destroy()
  await before.closed
  expect(await (await connected('again', lasting)).hears('publish')).toMatchObject({ retain: true, dup: true })
})

test('CONNACK says how many QoS 2 messages may be in flight; one more ends the connection with 0x93 [MQTT-3.3.4-7]', async () => {
  const raw = connectOn(await openRaw(stage, 5), stage, 'quick', granted('quick'))
  const { properties } = (await raw.hears('connack')) as IConnackPacket
  expect(properties?.receiveMaximum).toBe(stage.config.HALF_OPEN_PER_SESSION)
  for (let i = 0; i <= properties!.receiveMaximum!; i++) says(raw, 'fleet/quick', { qos: 2, payload: '' })
  expect(await raw.hears('disconnect')).toMatchObject({ reasonCode: 0x93 })
})

/** Floods without reading until the broker has logged it, and a little longer; then reads. */
async function readsLate(raw: RawClient, logged: string): Promise<void> {
  while (!lines.some((line) => line.includes(logged))) {
    raw.send({ cmd: 'pingreq' })
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (let i = 0; i < 50 && !raw.socket.destroyed; i++) {
    raw.send({ cmd: 'pingreq' })
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  raw.socket.resume()
}
const lastOf = (raw: RawClient, ...kinds: ('connack' | 'disconnect')[]) =>
  Promise.race([raw.hears(...kinds), raw.closed.then(() => 'closed before it was read')])

test('a client that reads late still gets the DISCONNECT with its reason, and nothing after it [MQTT-3.14.4-1]', async () => {
  const raw = await connected('late', { clientId: 'late' })
  raw.socket.pause()
  for (let i = 0; i < 30; i++) says(raw, 'fleet/late', { qos: 2 })
  await readsLate(raw, '"session":"late/late","msg":"gone"')
  expect(await lastOf(raw, 'disconnect')).toMatchObject({ reasonCode: 0x93 })
  const after: unknown[] = []
  raw.socket.on('data', (chunk) => after.push(chunk))
  await raw.closed
  expect(after).toEqual([])
})

test.each([4, 5] as const)(
  'a client that reads late still gets the CONNACK that refuses it (MQTT %d)',
  async (protocolVersion) => {
    const raw = await openRaw(stage, protocolVersion)
    raw.socket.pause()
    const clientId = `refused-${protocolVersion}`
    connectOn(raw, stage, 'late', { protocolVersion, clientId, password: Buffer.from('x') })
    await readsLate(raw, `"client":"${clientId}"`)
    expect(await lastOf(raw, 'connack')).toMatchObject(protocolVersion === 5 ? { reasonCode: 0x87 } : { returnCode: 5 })
    await raw.closed
  },
)

test('a connection that the broker disconnects ends at once: its client id, its session and its count', async () => {
  const session = { clientId: 'twice', clean: false, properties: { sessionExpiryInterval: 60 } }
  const first = await connected('twice', session)
  first.socket.pause() // it neither reads nor closes
  await takes(await connected('twice', { ...session, clean: true }), 'fleet/twice')
  const { admin } = stage
  const devices = async (): Promise<string | undefined> =>
    /^mqtt_connections\{kind="device"\} (\d+)/m.exec(await (await fetch(`${admin}/metrics`)).text())?.[1]
  const before = await devices()
  const third = await connected('twice', session)
  expect(await devices()).toBe(before)
  first.socket.destroy()
  third.socket.destroy()
})

test('messages that a member of a shared subscription has not acknowledged go to another when its session ends [MQTT 5, 4.8.2]', async () => {
  const share = '$share/pass/fleet/pass'
  const one = await connected('pass', { clientId: 'one' })
  expect(await takes(one, share)).toBe(1)
  const sender = await connected('sender', { clientId: 'sender' })
  const texts = ['a', 'b', 'c']
  for (const payload of texts) {
    says(sender, 'fleet/pass', { payload })
    await puback(sender)
  }
  const held = [await one.hears('publish'), await one.hears('publish'), await one.hears('publish')] as IPublishPacket[]
  const two = await connected('pass', { clientId: 'two' })
  await takes(two, share)
  one.send({ cmd: 'puback', messageId: held[0]!.messageId! })
  one.send({ cmd: 'pingreq' })
  await one.hears('pingresp')
  one.socket.destroy()
  for (const text of ['b', 'c']) {
    const message = (await two.hears('publish')) as IPublishPacket
    expect([message.payload.toString(), message.dup]).toEqual([text, false])
    two.send({ cmd: 'puback', messageId: message.messageId! })
  }
  says(sender, 'fleet/pass', { payload: 'last' })
  expect(await two.hears('publish')).toMatchObject({ payload: Buffer.from('last') })
})

test('a member that resumes its session gets its own messages again, and nobody else does', async () => {
  const share = '$share/back/fleet/back'
  const kept = { clientId: 'kept', clean: false, properties: { sessionExpiryInterval: 60 } }
  const first = await connected('back', kept)
  await takes(first, share)
  const sender = await connected('sender', { clientId: 'sender2' })
  says(sender, 'fleet/back', { payload: 'held' })
  await first.hears('publish')
  const other = await connected('back', { clientId: 'other' })
  await takes(other, share)
  first.socket.destroy()
  const again = await connected('back', kept)
  expect(await again.hears('publish')).toMatchObject({ payload: Buffer.from('held'), dup: true })
  says(sender, 'fleet/back', { payload: 'next' })
  says(sender, 'fleet/back', { payload: 'next' })
  expect(await other.hears('publish')).toMatchObject({ payload: Buffer.from('next') })
  const wiped = await connected('back', { ...kept, clean: true }) // its session ends with unacknowledged messages
  expect(
    [await other.hears('publish'), await other.hears('publish')]
      .map((one) => String((one as IPublishPacket).payload))
      .toSorted(),
  ).toEqual(['held', 'next'])
  wiped.socket.destroy()
})

test('a PUBACK with an error ends a shared message, and QoS 2 stays with its session [MQTT-4.8.2-5, 4.8.2-6]', async () => {
  const share = '$share/end/fleet/end'
  const one = await connected('end', { clientId: 'one' })
  await takes(one, share, { qos: 2 })
  const sender = await connected('sender', { clientId: 'sender3' })
  says(sender, 'fleet/end', { payload: 'refused' })
  const refused = (await one.hears('publish')) as IPublishPacket
  says(sender, 'fleet/end', { payload: 'twice', qos: 2 })
  await one.hears('publish')
  const two = await connected('end', { clientId: 'two' })
  await takes(two, share, { qos: 2 })
  one.send({ cmd: 'puback', messageId: refused.messageId!, reasonCode: 0x80 })
  one.send({ cmd: 'disconnect' })
  await one.closed
  says(sender, 'fleet/end', { payload: 'later' })
  expect(await two.hears('publish')).toMatchObject({ payload: Buffer.from('later') })
})
