import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { tokenFor } from './device.ts'
import { devicesLeave } from './metrics.ts'
import { Parts } from './parts.ts'
import { PlainHandler } from './plain-handler.ts'
import { openStage, type Stage } from './stage.ts'

// Open topics, which hold a slash: who may use them, and how they follow MQTT.

const GRANTS = JSON.stringify({ tracking: { sub: ['fleet/+/pos'], pub: ['fleet/+/task'] } })
let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts', { HANDLER_GRANTS: GRANTS, CONNECTS_PER_CLIENT: '1000', MAX_RETAINED: '50' })
})
afterAll(() => stage.close())

interface Heard {
  topic: string
  text: string
  packet: IPublishPacket
}

/** A client of open topics, and the messages it receives. */
class Peer {
  readonly mqtt: MqttClient
  readonly heard: Heard[] = []
  #wake = (): void => {}

  private constructor(mqtt: MqttClient) {
    this.mqtt = mqtt
    mqtt.on('message', (topic, payload, packet) => {
      this.heard.push({ topic, text: payload.toString(), packet })
      this.#wake()
    })
  }

  static async connect(
    sub: string,
    acl: object,
    options: IClientOptions = {},
    on: { url: string; ca: string; secret: string } = stage,
  ) {
    const password = tokenFor(sub, on.secret, { acl })
    const login = {
      username: 'JWT',
      password,
      ca: on.ca,
      clientId: 'peer',
      protocolVersion: 5,
      reconnectPeriod: 0,
    } as const
    const mqtt = connect(on.url, { ...login, ...options })
    const peer = new Peer(mqtt)
    await once(mqtt as never, 'connect')
    return peer
  }

  async hears(count = 1): Promise<Heard[]> {
    while (this.heard.length < count) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.heard.splice(0, count)
  }

  /** Everything received before a message that it sends to itself now. */
  async all(): Promise<Heard[]> {
    await this.mqtt.publishAsync('loop/back', 'end', { qos: 1 })
    while (!this.heard.some(({ topic }) => topic === 'loop/back')) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    return this.heard.splice(0).filter(({ topic }) => topic !== 'loop/back')
  }

  says = (topic: string, text: string, options: object = {}) =>
    this.mqtt.publishAsync(topic, text, { qos: 1, ...options })
  takes = (filter: string | string[], options: object = {}) =>
    this.mqtt.subscribeAsync(filter, { qos: 1, ...options } as { qos: 1 })
  async leaves(): Promise<void> {
    await this.mqtt.endAsync()
  }
}

const ALL = { pub: ['fleet/#', 'loop/back'], sub: ['fleet/#', 'loop/back'] }
/** A peer that can also tell what it did not receive. */
async function listener(
  sub: string,
  acl: { pub: string[]; sub: string[] } = ALL,
  options: IClientOptions = {},
): Promise<Peer> {
  const peer = await Peer.connect(sub, acl, options)
  await peer.takes('loop/back')
  return peer
}
const granted = (subscribed: Promise<{ qos: number }[]>): Promise<number> =>
  subscribed.then(
    ([one]) => one!.qos,
    (err: { packet?: { granted: number[] } }) => err.packet!.granted[0]!,
  )

test.each([4, 5] as const)(
  'a client receives granted topics, by wildcards too, and no others (MQTT %d)',
  async (protocolVersion) => {
    const van = await Peer.connect(`van${protocolVersion}`, { pub: ['fleet/+/pos'] }, { protocolVersion })
    const dispatcher = await listener(`disp${protocolVersion}`, ALL, { protocolVersion })
    expect(await granted(dispatcher.takes('fleet/#'))).toBe(1)
    await van.says('fleet/7/pos', 'here')
    expect(await dispatcher.hears()).toMatchObject([{ topic: 'fleet/7/pos', text: 'here' }])
    expect(await dispatcher.all()).toEqual([])
  },
)

test('without a grant a client can neither publish nor subscribe to open topics', async () => {
  const [alice, watcher] = [await stage.device('alice'), await listener('watcher')]
  await watcher.takes('fleet/#')
  for (const topic of ['fleet/7/pos', 'alice/x', '/', 'alice_/x', '$SYS/x']) {
    await alice.mqtt.publishAsync(topic, '{}', { qos: 1 }).catch(() => {})
    expect(await alice.receives('command_rejected')).toMatchObject({ code: 'forbidden' })
    expect(await granted(alice.mqtt.subscribeAsync(topic))).toBe(0x87)
  }
  expect(await watcher.all()).toEqual([])
})

test.each([
  ['#', 0x87],
  ['fleet/+/task', 0x87],
  ['fleet/7/#', 0x87],
  ['+/7/pos', 0x87],
  ['$share/g/fleet/7/#', 0x87],
  ['$share/g/fleet/7/pos', 1],
  ['fleet/+/pos', 1],
  ['fleet/7/pos', 1],
])('with a grant of fleet/+/pos, %s gets %d', async (filter, code) => {
  const peer = await Peer.connect('grantee', { sub: ['fleet/+/pos'] })
  expect(await granted(peer.takes(filter))).toBe(code)
  await peer.leaves()
})

test('no grant covers another user’s events, commands, or topics that begin with $', async () => {
  const greedy = {
    pub: ['#', '+', 'bob_events', '$SYS/#', '+/+'],
    sub: ['#', '+', 'bob_events', 'request_contact', '$SYS/#'],
  }
  const eve = await Peer.connect('eve', greedy)
  for (const filter of ['bob_events', 'request_contact', '+', '$SYS/#', '$consumes/request_contact', '$open/fleet/1']) {
    expect([filter, await granted(eve.takes(filter))]).toEqual([filter, 0x87])
  }
  expect(await granted(eve.takes('#'))).toBe(1)
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await eve.mqtt.publishAsync('bob_events', '{"event":"forged"}', { qos: 1 }).catch(() => {})
  await alice.asks('request_contact', { user_id: 'bob' })
  await bob.receives('contact_requested')
  await eve.says('fleet/1', 'mine')
  expect((await eve.hears()).map(({ topic }) => topic)).toEqual(['fleet/1'])
  expect((await bob.unread()).map(({ event }) => event)).not.toContain('forged')
})

test('an acl narrows a user’s own commands and events', async () => {
  const acl = { pub: ['get_contact_list'], sub: ['contact_list', 'noah_command_rejected'] }
  const noah = await Peer.connect('noah', acl)
  expect(await granted(noah.takes('noah_contact_list'))).toBe(1)
  expect(await granted(noah.takes('noah_command_rejected'))).toBe(1)
  for (const event of ['noah_events', 'noah_contact_requested', 'bob_contact_list']) {
    expect(await granted(noah.takes(event))).toBe(0x87)
  }
  await noah.says('get_contact_list', '{}')
  expect(await noah.hears()).toMatchObject([{ topic: 'noah_contact_list' }])
  await noah.says('request_contact', '{"user_id":"bob"}').catch(() => {})
  const [{ text }] = (await noah.hears()) as [Heard]
  expect(JSON.parse(text)).toMatchObject({ command: 'request_contact', code: 'forbidden' })
  const mute = await Peer.connect('mute', { pub: [], sub: [] })
  await expect(mute.says('get_contact_list', '{}')).rejects.toMatchObject({ code: 0x87 })
  expect(await granted(mute.takes('mute_events'))).toBe(0x87)
})

test.each([['text'], [[]], [{ pub: 'fleet/#' }], [{ pub: [7] }], [{ write: ['a/b'] }], [null]])(
  'a token whose acl is %j is refused, since what it meant to forbid is unknown',
  async (acl) => {
    await expect(stage.device('mallory', { token: tokenFor('mallory', stage.secret, { acl }) })).rejects.toMatchObject({
      code: 0x87,
    })
  },
)

test('later subscribers get a retained message, until an empty one removes it', async () => {
  const [van, early] = [await listener('van'), await listener('early')]
  await early.takes('fleet/9/#')
  await van.says('fleet/9/pos', 'first', { retain: true })
  await van.says('fleet/9/pos', 'second', { retain: true })
  const live = await early.hears(2)
  expect(live.map(({ text, packet }) => [text, packet.retain])).toEqual([
    ['first', false],
    ['second', false],
  ])
  const late = await listener('late')
  await late.takes('fleet/+/pos')
  expect((await late.hears()).map(({ text, packet }) => [text, packet.retain])).toEqual([['second', true]])
  await van.says('fleet/9/pos', '', { retain: true })
  const never = await listener('never')
  await never.takes('fleet/9/pos')
  expect(await never.all()).toEqual([])
})

test('Retain Handling and Retain As Published work as the subscriber asks', async () => {
  const van = await listener('van')
  await van.says('fleet/rh/pos', 'kept', { retain: true })
  const peer = await listener('rh')
  await peer.takes('fleet/rh/pos', { rh: 2 })
  expect(await peer.all()).toEqual([])
  await peer.takes('fleet/rh/pos', { rh: 1 })
  expect(await peer.all()).toEqual([])
  await peer.takes('fleet/rh/pos', { rh: 0, rap: true })
  expect(await peer.all()).toMatchObject([{ text: 'kept' }])
  await van.says('fleet/rh/pos', 'live', { retain: true })
  expect(await peer.hears()).toMatchObject([{ text: 'live', packet: { retain: true } }])
  await van.says('fleet/rh/pos', '', { retain: true })
})

test('retained messages are bounded', async () => {
  const van = await listener('van')
  const codes: number[] = []
  for (let i = 0; i < 60; i++) {
    await van
      .says(`fleet/many/${i}`, 'x', { retain: true })
      .catch(({ code }: { code: number }) => void codes.push(code))
  }
  expect(new Set(codes)).toEqual(new Set([0x97]))
  for (let i = 0; i < 60; i++) await van.says(`fleet/many/${i}`, '', { retain: true })
})

test('a message arrives at the lower QoS of publisher and subscriber, once for overlapping subscriptions', async () => {
  const [van, peer] = [await listener('van'), await listener('overlap')]
  await peer.takes('fleet/#', { qos: 0 })
  await peer.takes('fleet/+/pos', { qos: 1, properties: { subscriptionIdentifier: 3 } })
  for (const qos of [0, 1, 2]) await van.says('fleet/o/pos', `at ${qos}`, { qos })
  expect((await peer.all()).map(({ text, packet }) => [text, packet.qos])).toEqual([
    ['at 0', 0],
    ['at 1', 1],
    ['at 2', 1],
  ])
  await peer.takes('fleet/o/pos', { qos: 2 })
  await van.says('fleet/o/pos', 'exactly once', { qos: 2 })
  expect(await peer.all()).toMatchObject([{ text: 'exactly once', packet: { qos: 2 } }])
})

test('with No Local a client does not receive its own messages', async () => {
  const peer = await listener('nl')
  await peer.takes('fleet/nl/#', { nl: true })
  await peer.says('fleet/nl/x', 'mine')
  await (await listener('van')).says('fleet/nl/x', 'theirs')
  expect((await peer.all()).map(({ text }) => text)).toEqual(['theirs'])
})

test('properties are passed on, except those reserved for the broker', async () => {
  const [van, peer] = [await listener('van'), await listener('props')]
  await peer.takes('fleet/p/pos')
  const userProperties = { colour: 'red', 'user-id': 'forged', 'command-id': 'forged' }
  await van.says('fleet/p/pos', '{}', {
    properties: { contentType: 'application/json', userProperties, messageExpiryInterval: 60 },
  })
  const [{ packet }] = (await peer.hears()) as [Heard]
  expect(packet.properties).toMatchObject({ contentType: 'application/json', userProperties: { colour: 'red' } })
  expect(Object.keys(packet.properties!.userProperties!)).toEqual(['colour'])
})

test('a will on an open topic is published when the connection breaks, and one without a grant is not', async () => {
  const peer = await listener('mourner')
  await peer.takes('fleet/#')
  const will = (topic: string) => ({ will: { topic, payload: Buffer.from('gone'), qos: 1 as const, retain: false } })
  const van = await Peer.connect('willing', ALL, will('fleet/w/pos'))
  van.mqtt.stream.destroy()
  expect(await peer.hears()).toMatchObject([{ topic: 'fleet/w/pos', text: 'gone' }])
  const mallory = await Peer.connect('mallory', { pub: ['other/#'] }, will('fleet/w/pos'))
  await devicesLeave(stage, () => mallory.mqtt.stream.destroy())
  expect(await peer.all()).toEqual([])
})

test('after UNSUBSCRIBE nothing arrives', async () => {
  const [van, peer] = [await listener('van'), await listener('unsub')]
  await peer.takes(['fleet/u/#', 'fleet/u/pos'])
  await peer.mqtt.unsubscribeAsync(['fleet/u/#', 'fleet/u/pos'])
  await van.says('fleet/u/pos', 'x')
  expect(await peer.all()).toEqual([])
})

test('handlers use the open topics granted to their group', async () => {
  const [van, tracking] = [await listener('van'), await PlainHandler.connect(stage, 'tracking.1')]
  expect(await granted(tracking.mqtt.subscribeAsync('fleet/+/pos', { qos: 1 }))).toBe(1)
  expect(await granted(tracking.mqtt.subscribeAsync('fleet/+/task', { qos: 1 }))).toBe(0x87)
  await van.takes('fleet/7/task')
  for (const i of [1, 2, 3]) {
    await van.says(`fleet/${i}/pos`, '{}', { qos: 2 })
    const { command, acknowledge } = await tracking.gets()
    expect(command).toBe(`fleet/${i}/pos`)
    acknowledge()
  }
  await tracking.mqtt.publishAsync('fleet/7/task', 'go', { qos: 1 })
  expect(await van.hears()).toMatchObject([{ topic: 'fleet/7/task', text: 'go' }])
  await expect(tracking.mqtt.publishAsync('fleet/7/pos', 'x', { qos: 1 })).rejects.toMatchObject({ code: 0x87 })
})

test('across an absence and a killed broker, messages wait, retained ones stay, wills are sent, and QoS 2 arrives once', async () => {
  const parts = await Parts.open({ CONNECTS_PER_CLIENT: '1000' })
  try {
    const on = { url: parts.url, ca: parts.ca, secret: parts.env['SECRET']! }
    const kept = { clean: false, properties: { sessionExpiryInterval: 600 } }
    const away = await Peer.connect('away', ALL, { ...kept, clientId: 'away' }, on)
    await away.takes('fleet/+/pos', { qos: 2 })
    await away.leaves()
    const van = await Peer.connect('van', ALL, {}, on)
    for (let i = 0; i < 20; i++) await van.says('fleet/1/pos', String(i), { qos: (i % 2) + 1, retain: i === 19 })
    const will = (name: string, willDelayInterval = 0) => ({
      clientId: name,
      will: {
        topic: `fleet/gone/${name}`,
        payload: Buffer.from(name),
        qos: 1 as const,
        retain: true,
        properties: { willDelayInterval },
      },
    })
    const acl = { ...ALL, pub: [...ALL.pub, 'whoami'] }
    await Peer.connect('diver', acl, will('diver'), on)
    await Peer.connect('waiter', acl, { ...will('waiter', 1), ...kept }, on)
    await Peer.connect('nobody', { pub: [] }, will('forbidden'), on)
    const narrowed = await Peer.connect('narrowed', acl, will('narrowed'), on)
    const token = tokenFor('narrowed', on.secret, { acl: { pub: ['other/#'] } })
    await narrowed.mqtt.publishAsync('refresh_session', JSON.stringify({ token }), { qos: 1 })
    await (await Peer.connect('leaver', acl, will('leaver'), on)).leaves()
    ;(await Peer.connect('returner', acl, { ...will('returner', 600), ...kept }, on)).mqtt.stream.destroy()
    await parts.killBroker()
    await parts.startBroker()
    const back = await Peer.connect('away', ALL, { ...kept, clientId: 'away' }, on)
    const texts = (await back.hears(20)).map(({ text }) => text)
    expect(texts.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))
    const late = await Peer.connect('late', ALL, {}, on)
    await late.takes('fleet/1/pos')
    expect(await late.hears()).toMatchObject([{ text: '19', packet: { retain: true } }])
    const mourner = await Peer.connect('mourner', ALL, {}, on)
    await mourner.takes(['fleet/gone/#', 'loop/back'])
    expect(new Set((await mourner.hears(2)).map(({ text }) => text))).toEqual(new Set(['diver', 'waiter']))
    await (await Peer.connect('returner', acl, { clientId: 'returner', ...kept }, on)).leaves()
    expect(await mourner.all()).toEqual([])
    await mourner.leaves()
    await back.leaves()
    const again = await Peer.connect('away', ALL, { ...kept, clientId: 'away' }, on)
    await again.takes('loop/back')
    expect(await again.all()).toEqual([])
    for (const peer of [again, late]) await peer.leaves()
  } finally {
    await parts.close()
  }
})

test('a grant that the new token lacks ends for queued messages too', async () => {
  const peer = await listener('narrowed')
  await peer.takes('fleet/#')
  await peer.takes('narrowed_session_refreshed')
  await peer.says('refresh_session', JSON.stringify({ token: tokenFor('narrowed', stage.secret) }))
  await peer.hears()
  const van = await listener('van')
  await van.says('fleet/1/pos', 'secret')
  await peer.takes('narrowed_session_info')
  await peer.says('whoami', '{}')
  expect((await peer.hears()).map(({ topic }) => topic)).toEqual(['narrowed_session_info'])
})

test('a Response Topic must be one of the user’s event topics: a granted open topic is refused, with an answer', async () => {
  const acl = { sub: ['fleet/#'], pub: ['fleet/#'] }
  const eva = await stage.device('eva', { token: tokenFor('eva', stage.secret, { acl }) })
  await eva.mqtt.subscribeAsync('fleet/#', { qos: 1 })
  const asks = (responseTopic: string) => eva.asks('get_contact_list', {}, { properties: { responseTopic } })
  expect(await asks('fleet/answers')).toMatchObject({
    code: 'forbidden',
    fields: { response_topic: expect.any(String) },
  })
  expect(await asks('eva_events')).toMatchObject({ event: 'contact_list' })
})
