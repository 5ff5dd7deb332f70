import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { connect, type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import { tokenFor, type Device } from '../../../test/device.ts'
import { PlainHandler } from '../../../test/plain-handler.ts'
import { carriedLater } from '../../../test/carried.ts'
import { openStage, type Stage } from '../../../test/stage.ts'

// Aedes' traps around sessions, as a client meets them.

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts', { CONNECTS_PER_CLIENT: '1000' }, undefined, carriedLater)
})
afterAll(() => stage.close())

/** A phone with a persistent session, which collects what it hears from before its CONNACK on. */
async function phone(sub: string, clientId: string, options: IClientOptions) {
  const mqtt: MqttClient = connect(stage.url, {
    clientId,
    ca: stage.ca,
    username: 'JWT',
    password: tokenFor(sub, stage.secret),
    reconnectPeriod: 0,
    ...options,
  })
  const heard: { topic: string; event?: string; note?: string; re?: string }[] = []
  mqtt.on('message', (topic, payload) => heard.push({ topic, ...(JSON.parse(payload.toString()) as object) }))
  const [connack] = (await once(mqtt as never, 'connect')) as [IConnackPacket]
  stage.keep({ close: () => mqtt.endAsync(true) })
  return { mqtt, heard, connack }
}

/** Resolves when everything published to this user so far has reached this client. */
async function barrier(mqtt: MqttClient, user: string): Promise<void> {
  await mqtt.subscribeAsync(`${user}_session_info`, { qos: 1 })
  const arrived = new Promise<void>((resolve) =>
    mqtt.on('message', (topic) => (topic === `${user}_session_info` ? resolve() : undefined)),
  )
  await mqtt.publishAsync('whoami', '{}', { qos: 1 })
  await arrived
}

async function askAll(sender: Device, target: string, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    await sender.asks('request_contact', { user_id: target, note: String(i) })
    await sender.asks('cancel_contact_request', { user_id: target })
  }
}

test.each([
  ['3.1.1', { protocolVersion: 4, clean: false }],
  ['5', { protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 600 } }],
] as const)(
  'events of an absence arrive in order and once, even those published while it ends (MQTT %s)',
  async (v, kept) => {
    const name = `kim${v.length}`
    const before = await phone(name, 'phone', kept)
    await before.mqtt.subscribeAsync(`${name}_contact_requested`, { qos: 1 })
    await before.mqtt.endAsync()
    const alice = await stage.device(`alice${v.length}`)
    await askAll(alice, name, 0, 30)
    const meanwhile = askAll(alice, name, 30, 60)
    const after = await phone(name, 'phone', kept)
    expect(after.connack.sessionPresent).toBe(true)
    await meanwhile
    await barrier(after.mqtt, name)
    const notes = after.heard.filter(({ topic }) => topic === `${name}_contact_requested`).map(({ note }) => note)
    expect(notes).toEqual(Array.from({ length: 60 }, (_, i) => String(i)))
  },
)

test('resuming on MQTT 5 without a Session Expiry delivers the queue, and ends the session with the connection', async () => {
  const kept = { protocolVersion: 5, clean: false } as const
  const before = await phone('lea', 'phone', { ...kept, properties: { sessionExpiryInterval: 600 } })
  await before.mqtt.subscribeAsync('lea_contact_requested', { qos: 1 })
  await before.mqtt.endAsync()
  await askAll(await stage.device('max'), 'lea', 0, 3)
  const resumed = await phone('lea', 'phone', kept)
  await barrier(resumed.mqtt, 'lea')
  expect(resumed.heard.filter(({ topic }) => topic === 'lea_contact_requested')).toHaveLength(3)
  await resumed.mqtt.endAsync()
  const last = await phone('lea', 'phone', kept)
  expect(last.connack.sessionPresent).toBe(false)
})

test('the session does not keep a denied subscription', async () => {
  const kept = { protocolVersion: 4, clean: false } as const
  const before = await phone('eve', 'phone', kept)
  const granted = await before.mqtt
    .subscribeAsync(['eve_events', 'noa_events'], { qos: 1 })
    .catch((err: { packet: { granted: number[] } }) => err.packet.granted)
  expect(JSON.stringify(granted)).toContain('128')
  await before.mqtt.endAsync()
  const noa = await stage.device('noa')
  await noa.asks('get_contact_list')
  const after = await phone('eve', 'phone', kept)
  await noa.asks('get_contact_list')
  await barrier(after.mqtt, 'eve')
  expect(after.heard.filter(({ topic }) => topic.startsWith('noa'))).toEqual([])
})

test("using another user's client id takes over neither the connection nor the queue", async () => {
  const kept = { protocolVersion: 4, clean: false } as const
  const ann = await phone('ann', 'same', kept)
  await ann.mqtt.subscribeAsync('ann_contact_requested', { qos: 1 })
  const ben = await phone('ben', 'same', kept)
  await askAll(await stage.device('cleo'), 'ann', 0, 1)
  await barrier(ann.mqtt, 'ann')
  expect(ann.heard.map(({ topic }) => topic)).toContain('ann_contact_requested')
  expect(ben.connack.sessionPresent).toBe(false)
  expect(ben.heard).toEqual([])
})

test('the same user and client id take the session over: the old connection gets 0x8E, the session goes on', async () => {
  const kept = { protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 600 } } as const
  const old = await phone('tom', 'phone', kept)
  await old.mqtt.subscribeAsync('tom_contact_requested', { qos: 1 })
  const told = once(old.mqtt as never, 'disconnect') as Promise<[{ reasonCode: number }]>
  const young = await phone('tom', 'phone', kept)
  expect((await told)[0].reasonCode).toBe(0x8e)
  expect(young.connack.sessionPresent).toBe(true)
  await askAll(await stage.device('uma'), 'tom', 0, 1)
  await barrier(young.mqtt, 'tom')
  expect(young.heard.map(({ topic }) => topic)).toContain('tom_contact_requested')
})

test('an event reaches both of a client’s overlapping topics, each once, under load', async () => {
  const zoe = await phone('zoe', 'phone', { protocolVersion: 4, clean: false })
  await zoe.mqtt.subscribeAsync(['zoe_events', 'zoe_contact_list'], { qos: 1 })
  const ids = Array.from({ length: 500 }, (_, i) => String(i))
  await Promise.all(ids.map((id) => zoe.mqtt.publishAsync('get_contact_list', JSON.stringify({ id }), { qos: 1 })))
  const all = (topic: string) => zoe.heard.filter((one) => one.topic === topic && one.re !== undefined)
  while (all('zoe_events').length < 500 || all('zoe_contact_list').length < 500)
    await once(zoe.mqtt as never, 'message')
  await barrier(zoe.mqtt, 'zoe')
  expect(all('zoe_contact_list').map(({ re }) => re)).toEqual(ids)
  expect(
    all('zoe_events')
      .filter(({ event }) => event === 'contact_list')
      .map(({ re }) => re),
  ).toEqual(ids)
})

test('events published while a session resumes do not overtake those that wait in it', async () => {
  const kept = { protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 600 } } as const
  const handler = await PlainHandler.connect(stage, 'ticker.1')
  const first = await phone('nils', 'phone', kept)
  await first.mqtt.subscribeAsync('nils_ticked', { qos: 1 })
  await first.mqtt.endAsync()
  const heard: number[] = []
  const enough = new AbortController()
  const published: number[] = []
  const publishing = (async () => {
    while (!enough.signal.aborted) await handler.causes('nils_ticked', { n: published.push(published.length) - 1 })
  })()
  for (let i = 0; i < 15 || published.length < 60; i++) {
    const back = await phone('nils', 'phone', kept)
    await barrier(back.mqtt, 'nils')
    await back.mqtt.endAsync()
    heard.push(...back.heard.flatMap((event) => ('n' in event ? [Number(event.n)] : [])))
  }
  enough.abort()
  await publishing
  const firsts = [...new Set(heard)] // unacknowledged events are resent
  expect(firsts).toEqual(firsts.toSorted((a, b) => a - b))
  expect(firsts.length).toBeGreaterThan(30)
  expect(firsts.at(-1)).toBe(firsts.length - 1)
})

test('two connections that keep taking over one session lose no event between them, and get all in order', async () => {
  const kept = {
    protocolVersion: 5,
    clean: false,
    properties: { sessionExpiryInterval: 600, receiveMaximum: 5 },
  } as const
  const handler = await PlainHandler.connect(stage, 'storm.1')
  const first = await phone('otto', 'phone', kept)
  await first.mqtt.subscribeAsync('otto_ticked', { qos: 1 })
  const enough = new AbortController()
  const published: number[] = []
  const publishing = (async () => {
    while (!enough.signal.aborted) await handler.causes('otto_ticked', { n: published.push(published.length) - 1 })
  })()
  const all = [first]
  while (all.length < 21 || published.length < 100) {
    // Two at once: the second one gets the session.
    const both = await Promise.allSettled([phone('otto', 'phone', kept), phone('otto', 'phone', kept)])
    for (const one of both) if (one.status === 'fulfilled') all.push(one.value)
  }
  enough.abort()
  await publishing
  const last = await phone('otto', 'phone', kept)
  await barrier(last.mqtt, 'otto')
  const numbersOf = ({ heard }: typeof last): number[] =>
    heard.flatMap((event) => ('n' in event ? [Number(event.n)] : []))
  for (const one of [...all, last]) {
    const numbers = numbersOf(one)
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b))
  }
  expect(new Set([...all, last].flatMap(numbersOf))).toEqual(new Set(published.keys()))
})
