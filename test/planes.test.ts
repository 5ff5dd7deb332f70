import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { carriedLater } from './carried.ts'
import { connect, type IConnackPacket, type IPublishPacket } from 'mqtt'
import { eventTopic } from '../shared/wire/topic.ts'
import { tokenFor, type Device, type DeviceOptions } from './device.ts'
import { PlainHandler } from './plain-handler.ts'
import { openStage, type Stage } from './stage.ts'

// Direction decides what a topic means: a device publishes commands and reads its own events, a handler the reverse.

const VERSIONS = [4, 5] as const
let stage: Stage
let greeter: PlainHandler
beforeAll(async () => {
  // Messages between front and core take a turn, as between processes.
  stage = await openStage('contacts', {}, undefined, carriedLater)
  greeter = await PlainHandler.connect(stage, 'greetings.1')
  await greeter.takes('greet', 0)
})
afterAll(() => stage.close())
afterEach(() => expect(greeter.unread).toBe(0))

/** Greets the sender, and returns the stamp. */
async function greets(): Promise<Record<string, string>> {
  const { stamp } = await greeter.gets('greet')
  await greeter.causes(`${stamp['user-id']}_greeted`, {}, stamp['command-id'])
  return stamp
}

/** The next packet on a topic, including its properties. */
function packetOn({ mqtt }: Device, topic: string): Promise<IPublishPacket> {
  return new Promise((resolve) => {
    const look = (heard: string, _: Buffer, packet: IPublishPacket): void => {
      if (heard !== topic) return
      mqtt.off('message', look)
      resolve(packet)
    }
    mqtt.on('message', look)
  })
}

/** The SUBACK's codes, refusals included. */
function subscribes({ mqtt }: Device, filters: string | string[]): Promise<number[]> {
  return mqtt.subscribeAsync(filters, { qos: 1 }).then(
    (granted) => granted.map(({ qos }) => qos),
    (err: { packet: { granted: number[] } }) => err.packet.granted,
  )
}

test.each(VERSIONS)(
  'a user called request never reads the commands called request_contact (MQTT %d)',
  async (version) => {
    const request = await stage.device('request', { version, hears: ['contact'] })
    const [alice, bob] = [await stage.device('alice', { version }), await stage.device('bob', { version })]
    await alice.asks('request_contact', { user_id: 'bob', note: 'a secret' })
    await alice.asks('cancel_contact_request', { user_id: 'bob' })
    expect(await request.unread()).toEqual([])

    await greeter.causes('request_contact', { text: 'an event of his own' })
    expect(await request.receives('contact')).toMatchObject({ text: 'an event of his own' })
    expect((await bob.unread()).map(({ event }) => event)).toEqual(['contact_requested', 'contact_request_cancelled'])
  },
)

const NOT_COMMANDS: [string, string][] = [
  ['68946_contact_added', 'forbidden'],
  ['23412_contact_added', 'forbidden'],
  ['23412_events', 'forbidden'],
  ['bob_contact_added', 'unknown_command'],
  ['sing', 'unknown_command'],
  ['constructor', 'unknown_command'],
  ['__proto__', 'forbidden'],
  ['Request_contact', 'forbidden'],
  ['request_contact/', 'forbidden'],
  ['fleet/7/pos', 'forbidden'],
  ['$done', 'forbidden'],
  ['$SYS/x/new/clients', 'forbidden'],
]
test.each(VERSIONS)(
  'a device’s publish reaches no event topic; it is told so and stays connected (MQTT %d)',
  async (version) => {
    const device = await stage.device('68946', { version })
    const bystanders = [await stage.device('23412'), await stage.device('bob'), await stage.device('68946')]
    for (const [topic, code] of NOT_COMMANDS) {
      device.mqtt.publish(topic, JSON.stringify({ id: topic, user_id: 'mallory' }), { qos: 1 })
      expect(await device.receives('command_rejected')).toMatchObject({ re: topic, command: topic, code })
    }
    expect(device.mqtt.connected).toBe(true)
    const [other, bob, ownTablet] = await Promise.all(bystanders.map((one) => one.unread()))
    expect([other, bob]).toEqual([[], []])
    expect(new Set(ownTablet!.map(({ event }) => event))).toEqual(new Set(['command_rejected']))
  },
)

const NOT_OWN = [
  '23412_events',
  '23412_contact_requested',
  '#',
  '+',
  '68946_events/#',
  '+/68946_events',
  '68946_',
  '68946_events/x',
  '68946_Events',
  'request_contact',
  'fleet/7/pos',
  '$SYS/#',
  '$done',
  '$sink',
  '$consumes/greet',
  'constructor',
  '__proto__',
]
test.each(VERSIONS)('a device reads its own events and nothing else (MQTT %d)', async (version) => {
  const device = await stage.device('68946', { version })
  const heard: string[] = []
  device.mqtt.on('message', (topic) => heard.push(topic))
  const denied = version === 4 ? 0x80 : 0x87
  for (const filter of NOT_OWN) {
    expect([filter, await subscribes(device, filter)]).toEqual([filter, [denied]])
  }
  expect(await subscribes(device, ['68946_greeted', '23412_greeted'])).toEqual([1, denied])

  const other = await stage.device('23412')
  await greeter.causes('23412_greeted', {})
  await other.receives('greeted')
  await device.unread()
  expect(new Set(heard)).toEqual(new Set(['68946_events']))
})

test('a shared subscription to events is refused, whatever the filter', async () => {
  const [three, five] = [await stage.device('68946', { version: 4 }), await stage.device('68946', { version: 5 })]
  for (const filter of ['$share/g/23412_events', '$share/g/68946_events', '$share/g/request_contact']) {
    expect(await subscribes(three, filter)).toEqual([0x80])
    expect(await subscribes(five, filter)).toEqual([0x9e])
  }
})

test.each(VERSIONS)('a refusal arrives on its own topic, and on <user>_events (MQTT %d)', async (version) => {
  const one = await stage.device('alice', { version, hears: ['command_rejected'] })
  const all = await stage.device('alice', { version })
  one.sends('sing', {}, { id: 'a song' }).catch(() => {})
  const rejection = { event: 'command_rejected', re: 'a song', command: 'sing', code: 'unknown_command' }
  expect(await one.receives('command_rejected')).toMatchObject({ ...rejection, message: expect.any(String) })
  expect(await all.receives('command_rejected')).toMatchObject({ ...rejection, message: expect.any(String) })
})

test("the broker alone names the sender; a device's properties of that name are removed", async () => {
  const alice = await stage.device('alice')
  const forged = { 'user-id': ['bob', 'carl'], 'client-id': 'bobs-phone', 'command-id': 'bob/1', attempt: '9' }
  const more = { at: '1970-01-01T00:00:00Z', traceparent: 'mine', completes: 'bob/1', extra: 'x' }
  alice
    .sends('greet', { from: 'bob' }, { id: 'hi', properties: { userProperties: { ...forged, ...more } } })
    .catch(() => {})
  const stamp = await greets()
  expect(stamp).toEqual({
    'user-id': 'alice',
    'client-id': alice.mqtt.options.clientId,
    'command-id': expect.stringMatching(/^alice\/hi~/),
    order: expect.stringMatching(/^\d{16}$/),
    attempt: '1',
    at: expect.stringMatching(/^20/),
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
  })
  expect(await alice.receives('greeted')).toMatchObject({ re: 'hi' })
  const pretending = await alice.asks('request_contact', { user_id: 'dora', from: 'bob' })
  expect(pretending).toMatchObject({ code: 'bad_payload', fields: { from: expect.any(String) } })
})

test.each(VERSIONS)('whoami tells a client its user (MQTT %d)', async (version) => {
  const device = await stage.device('a_b', { version, clientId: 'phone' })
  expect(await device.asks('whoami')).toMatchObject({
    event: 'session_info',
    user_id: 'a%5Fb',
    client_id: 'phone',
    expires_at: expect.stringMatching(/^20.*Z$/),
  })
})

test('on MQTT 5 the CONNACK holds the user id', async () => {
  const login = { protocolVersion: 5, ca: stage.ca, username: 'JWT', password: tokenFor('a_b', stage.secret) } as const
  const client = connect(stage.url, { ...login, reconnectPeriod: 0 })
  stage.keep({ close: () => client.endAsync(true) })
  const connack = await new Promise<IConnackPacket>((resolve) => client.once('connect', resolve))
  expect(connack.properties?.userProperties).toEqual({
    'user-id': 'a%5Fb',
    'idempotency-window': '600000', // milliseconds
  })
})

test('correlation data is the command id when the payload has none, and is returned unchanged', async () => {
  const alice = await stage.device('alice')
  const exchange = async (correlation: Buffer, fields: object = {}) => {
    const packet = packetOn(alice, 'alice_events')
    const properties = { correlationData: correlation }
    await alice.mqtt.publishAsync('whoami', JSON.stringify(fields), { qos: 1, properties })
    const { re } = await alice.receives('session_info')
    expect((await packet).properties?.correlationData).toEqual(correlation)
    return re
  }
  expect(await exchange(Buffer.from('order 7'))).toBe('order 7')
  expect(await exchange(Buffer.from('order 7'), { id: 'mine' })).toBe('mine')
  const binary = await exchange(Buffer.from([0, 255, 1]))
  expect(binary).toMatch(/^[\w-]{43}$/)
  expect(await exchange(Buffer.from([0, 255, 1]))).toBe(binary)
  expect(await exchange(Buffer.from([0, 255, 2]))).not.toBe(binary)

  const properties = { correlationData: Buffer.from('broken') }
  alice.mqtt.publish('whoami', 'not JSON', { qos: 1, properties })
  expect(await alice.receives('command_rejected')).toMatchObject({ code: 'bad_payload', re: 'broken' })
})

test("an answer goes to the Response Topic if that is one of the caller's event topics, else the command is forbidden", async () => {
  const [alice, bob] = [
    await stage.device('alice', { hears: ['my_answers', 'contact_list', 'contact_request_sent', 'command_rejected'] }),
    await stage.device('bob'),
  ]
  const everything = await stage.device('alice')
  const asks = (responseTopic: string, id: string, command = 'get_contact_list', fields = {}): Promise<unknown> =>
    alice
      .sends(command, fields, { id, properties: { responseTopic, correlationData: Buffer.from('c') } })
      .catch(() => {})

  const packet = packetOn(alice, 'alice_my_answers')
  await asks('alice_my_answers', '1', 'request_contact', { user_id: 'dora' })
  expect((await packet).properties?.correlationData?.toString()).toBe('c')
  expect(await alice.receives('contact_request_sent')).toMatchObject({ re: '1', event: 'contact_request_sent' })
  expect(await everything.receives('contact_request_sent')).toMatchObject({ re: '1' }) // on alice_events as well
  expect(await alice.unread()).toEqual([])

  await asks('alice_my_answers', '2')
  expect(await alice.receives('contact_list')).toMatchObject({ re: '2' }) // to the asking client alone
  expect(await alice.unread()).toEqual([])
  expect(await everything.unread()).toEqual([])

  for (const foreign of ['bob_events', 'bob_answers', 'request_contact', 'alice_/x', '$done']) {
    await asks(foreign, foreign)
    expect(await alice.receives('command_rejected')).toMatchObject({ code: 'forbidden', re: foreign })
  }
  expect(await bob.unread()).toEqual([])
})

test('Message Expiry sets expires_at: the seconds for which a command may wait', async () => {
  const away = await openStage()
  try {
    const alice = await away.device('alice')
    const sent = Date.now()
    const answer = await alice.asks('get_contact_list', {}, { properties: { messageExpiryInterval: 1 } })
    expect(answer).toMatchObject({ event: 'command_rejected', code: 'timeout' })
    expect(Date.now() - sent).toBeGreaterThanOrEqual(990)
  } finally {
    await away.close()
  }
})

const REASONS: [string, string, string, number | undefined][] = [
  ['success', 'whoami', '{}', undefined],
  ['not authorized', '23412_events', '{}', 0x87],
  ['topic name invalid for an unknown command', 'sing', '{}', 0x90],
  ['payload format invalid', 'get_contact_list', 'not JSON', 0x99],
]
test.each(REASONS)('on MQTT 5 the PUBACK has the reason: %s', async (_, topic, payload, code) => {
  const alice = await stage.device('alice')
  for (const qos of [1, 2] as const) {
    const reason = await alice.mqtt.publishAsync(topic, payload, { qos }).then(
      () => undefined,
      (err: { code: number }) => err.code,
    )
    expect(reason).toBe(code)
  }
  expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
})

test('on MQTT 5 a command that is too large gets a PUBACK too, and the connection stays', async () => {
  const alice = await stage.device('alice')
  const broken = new Promise<string>((resolve) => alice.mqtt.once('error', ({ message }) => resolve(message)))
  const refused = alice.mqtt.publishAsync('greet', 'x'.repeat(stage.config.MAX_COMMAND_BYTES + 1), { qos: 1 }).then(
    () => 'accepted',
    ({ code }: { code: number }) => typeof code,
  )
  expect(await Promise.race([broken, refused])).toBe('number')
  expect(await alice.receives('command_rejected')).toMatchObject({ code: 'too_large' })
})

test('a topic that is not a command is refused as such, whatever the payload', async () => {
  const alice = await stage.device('alice', { version: 4 })
  for (const [topic, code] of [
    ['23412_events', 'forbidden'],
    ['sing', 'unknown_command'],
  ] as const) {
    await alice.mqtt.publishAsync(topic, 'not JSON', { qos: 1 })
    expect(await alice.receives('command_rejected')).toMatchObject({ command: topic, code })
  }
})

test('on MQTT 3.1.1 a refused command gets a plain PUBACK, and an event tells the refusal', async () => {
  const alice = await stage.device('alice', { version: 4 })
  for (const qos of [1, 2] as const) await alice.mqtt.publishAsync('sing', '{}', { qos })
  expect(await alice.receives('command_rejected')).toMatchObject({ code: 'unknown_command' })
})

const PEOPLE = [
  'a',
  'a_b',
  'a/b',
  'a%5Fb',
  'a b',
  'A',
  '#',
  '+',
  '$SYS',
  '__proto__',
  'Zoë',
  '李',
  'x@y.z',
  'git:7|9~-',
]
test.each(VERSIONS)('every user has their own topics, whatever their name (MQTT %d)', async (version) => {
  const devices = await Promise.all(PEOPLE.map((sub) => stage.device(sub, { version })))
  const ids = devices.map(({ user }) => user)
  expect(new Set(ids).size).toBe(PEOPLE.length)
  for (const id of ids) expect(id).toMatch(/^[^_/+#$ ]+$/)
  for (const [i, id] of ids.entries()) await greeter.causes(eventTopic(id, 'greeted'), { sub: PEOPLE[i] })
  for (const [i, device] of devices.entries()) {
    expect(await device.asks('whoami')).toMatchObject({ user_id: device.user })
    expect(await device.unread()).toMatchObject([{ event: 'greeted', sub: PEOPLE[i] }])
  }
})

test.each(VERSIONS)('user a cannot read the topics of user a_b (MQTT %d)', async (version) => {
  const a = await stage.device('a', { version, hears: ['b_greeted', 'b_events'] })
  const ab = await stage.device('a_b', { version })
  await greeter.causes(eventTopic(ab.user, 'greeted'), {})
  await ab.receives('greeted')
  expect(await a.unread()).toEqual([])
  await expect(a.mqtt.subscribeAsync('a%5Fb_greeted')).rejects.toThrow(/Subscribe error/)
})

const phone = (version: 4 | 5): DeviceOptions => {
  return { version, clientId: 'phone', mqtt: { clean: false, properties: { sessionExpiryInterval: 60 } } }
}

test.each(VERSIONS)(
  "Bob with Alice's client id neither disturbs her nor gets what is hers (MQTT %d)",
  async (version) => {
    const alice = await stage.device('alice', phone(version))
    const bob = await stage.device('bob', phone(version))
    expect(await alice.asks('whoami')).toMatchObject({ user_id: 'alice' })
    await alice.leaves()
    await greeter.causes('alice_greeted', {})
    expect(await bob.unread()).toEqual([])
    await bob.leaves()
    const again = await stage.device('bob', phone(version))
    expect(await again.unread()).toEqual([])
    await again.leaves()
  },
)

test.each(VERSIONS)(
  'events for Alice wait while she is away, and arrive in order and once (MQTT %d)',
  async (version) => {
    const alice = await stage.device('carol', phone(version))
    await alice.leaves()
    for (const n of [1, 2, 3]) await greeter.causes('carol_greeted', { n })
    const back = await stage.device('carol', phone(version))
    expect(await back.unread()).toMatchObject([{ n: 1 }, { n: 2 }, { n: 3 }])
    await back.leaves()
    const again = await stage.device('carol', phone(version))
    expect(await again.unread()).toEqual([])
  },
)

test.each(VERSIONS)('a will may do what its user may do (MQTT %d)', async (version) => {
  const [bob, carl] = [await stage.device('bob'), await stage.device('carl')]
  const dies = async (topic: string): Promise<void> => {
    const will = { topic, payload: Buffer.from('{"text":"gone"}'), qos: 1, retain: false } as const
    const device = await stage.device('carl', { version, mqtt: { will } })
    device.mqtt.stream.destroy()
  }
  await dies('bob_greeted')
  expect(await carl.receives('command_rejected')).toMatchObject({ command: 'bob_greeted', code: 'unknown_command' })
  await dies('greet')
  expect(await greets()).toMatchObject({ 'user-id': 'carl' })
  await carl.receives('greeted')
  expect(await bob.unread()).toEqual([])
})

test.each(VERSIONS)('neither a command nor an attempt at an event is retained (MQTT %d)', async (version) => {
  const alice = await stage.device('alice', { version })
  const sent = alice.asks('greet', {}, { retain: true })
  await greets()
  expect(await sent).toMatchObject({ event: 'greeted' })
  alice.mqtt.publish('alice_greeted', '{}', { qos: 1, retain: true })
  await alice.receives('command_rejected')
  await greeter.mqtt.publishAsync('alice_greeted', '{}', { qos: 1, retain: true })
  await alice.receives('greeted')
  const later = await stage.device('alice', { version, hears: ['greeted'] })
  expect(await later.unread()).toEqual([])
})
