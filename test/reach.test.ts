import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device, Received } from './device.ts'
import { befriend, comes, gather } from './friends.ts'
import { openStage, type Stage } from './stage.ts'

// How what handlers cause reaches devices: every device, offline sessions, inboxes, live events and their pace. The handlers' own tests
// stand beside them and need no broker.

let stage: Stage
beforeAll(async () => {
  const groups = ['contacts', 'groups', 'messaging', 'presence', 'signaling']
  stage = await openStage(groups, { CONNECTS_PER_CLIENT: '1000' })
})
afterAll(() => stage.close())

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
async function pair(one: string, other: string): Promise<[Device, Device]> {
  const devices: [Device, Device] = [await stage.device(one), await stage.device(other)]
  await befriend(...devices)
  return devices
}
const KEPT = { clientId: 'phone', mqtt: { clean: false, properties: { sessionExpiryInterval: 600 } } }

test('a message reaches every device of both, in the order in which it was sent', async () => {
  const [alice, bob] = await pair('alice', 'bob')
  const [alices, bobs] = [await stage.device('alice'), await stage.device('bob')]
  for (let i = 1; i <= 5; i++) {
    expect(await alice.asks('send_message', { to: 'bob', body: `hello ${i}` })).toMatchObject({
      event: 'message_sent',
      to: 'bob',
      seq: i,
      hash: sha256(`hello ${i}`),
    })
  }
  for (const device of [bob, bobs, alices, alice]) {
    for (let i = 1; i <= 5; i++) {
      expect(await device.receives('message_received')).toMatchObject({
        from: 'alice',
        to: 'bob',
        seq: i,
        body: `hello ${i}`,
        hash: sha256(`hello ${i}`),
        ...(i > 1 && { prev_hash: sha256(`hello ${i - 1}`) }),
      })
    }
    expect((await device.unread()).filter(({ event }) => event === 'message_received')).toEqual([])
  }
})

test('the same command twice stores one message', async () => {
  const [curt, dina] = await pair('curt', 'dina')
  const first = await curt.asks('send_message', { to: 'dina', body: 'once' }, { id: 'same' })
  const again = await curt.asks('send_message', { to: 'dina', body: 'once' }, { id: 'same' })
  expect(again).toEqual(first)
  await dina.receives('message_received')
  expect(await dina.unread()).toEqual([])
})

test('messages to a user who is offline wait for their device, in order and once', async () => {
  const [max, nina] = await pair('max', 'nina')
  await (await stage.device('nina', KEPT)).leaves()
  for (let i = 0; i < 20; i++) await max.asks('send_message', { to: 'nina', body: String(i) })
  const back = await stage.device('nina', KEPT)
  for (let i = 0; i < 20; i++) expect(await back.receives('message_received')).toMatchObject({ body: String(i) })
  expect(await back.unread()).toEqual([])
  await nina.leaves()
})

test('a message to a group reaches every device of every member, and nobody else', async () => {
  const [quin, rosa, sam] = [await stage.device('quin'), await stage.device('rosa'), await stage.device('sam')]
  const group_id = await gather(quin, rosa, sam)
  const [quins, outsider] = [await stage.device('quin'), await stage.device('outsider')]
  const sent = await rosa.asks('send_message', { group_id, body: 'to all', hash: sha256('to all') })
  expect(sent).toMatchObject({ event: 'message_sent', group_id, seq: 2, hash: sha256('to all') })
  for (const device of [quin, quins, rosa, sam]) {
    const received = await device.receives('message_received')
    expect(received).toMatchObject({
      from: 'rosa',
      group_id,
      seq: 2,
      body: 'to all',
      prev_hash: sha256('created Some'),
    })
    expect(received).not.toHaveProperty('to')
  }
  expect(await outsider.unread()).toEqual([])
})

test('messages sent to one group at the same time have consecutive places and form one chain', async () => {
  const names = ['tim', 'uma', 'vera', 'will']
  const devices = await Promise.all(names.map((name) => stage.device(name)))
  const group_id = await gather(devices[0]!, ...devices.slice(1))
  await stage.serve('messaging') // as if by a second process
  const body = (i: number): string => `message ${i}`
  const all = devices.flatMap((device, d) =>
    Array.from({ length: 10 }, (_, i) => device.asks('send_message', { group_id, body: body(d * 10 + i) })),
  )
  expect((await Promise.all(all)).filter(({ event }) => event !== 'message_sent')).toEqual([])
  const page = await devices[0]!.asks('get_messages', { group_id, after: 1, limit: 50 })
  const messages = page['messages'] as { seq: number; hash: string; prev_hash: string }[]
  expect(messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 40 }, (_, i) => i + 2))
  for (const [i, { prev_hash }] of messages.entries()) {
    expect(prev_hash).toBe(i === 0 ? sha256('created Some') : messages[i - 1]!.hash)
  }
})

test('a device that catches up finds no event that reveals a deleted message', async () => {
  const [gil, hedy] = [await stage.device('gil'), await stage.device('hedy')]
  await befriend(gil, hedy)
  const { epoch, last: since } = await hedy.asks('whoami')
  const { last: since_gus } = await gil.asks('whoami')
  const { message_id } = await gil.asks('send_message', { to: 'hedy', body: 'oops' })
  await gil.asks('edit_message', { message_id, body: 'oops, too' })
  await gil.asks('send_message', { to: 'hedy', body: 'another' })
  const all = async (by: Device, from: unknown) =>
    (await by.asks('sync_events', { epoch, since: from }))['events'] as Received[]
  expect(JSON.stringify(await all(hedy, since))).toContain('oops')
  await gil.asks('delete_message', { message_id })
  for (const [by, from] of [
    [hedy, since],
    [gil, since_gus],
  ] as const) {
    const events = await all(by, from)
    const told = JSON.stringify(events)
    expect(told).not.toContain('oops')
    expect(told).toContain('another')
    const about = events.filter((one) => one['message_id'] === message_id).map(({ event }) => event)
    expect(about).toEqual([by === hedy ? 'message_deleted' : 'message_removed'])
  }
})

test('typing is never stored: an offline user does not find it later, and the typing user cannot tell', async () => {
  const [fritz, gaby] = [await stage.device('fritz'), await stage.device('gaby')]
  await befriend(fritz, gaby)
  await gaby.leaves()
  await (await stage.device('gaby', KEPT)).leaves()
  await fritz.mqtt.publishAsync('typing', '{"to":"gaby"}', { qos: 0 })
  await fritz.asks('get_messages', { with: 'gaby' })
  const back = await stage.device('gaby', KEPT)
  expect(await back.unread()).toEqual([])
  await fritz.mqtt.publishAsync('typing', '{"to":"gaby"}', { qos: 0 })
  const seen = await back.receives('user_typing')
  expect(seen).not.toHaveProperty('event_seq')
  expect((await fritz.unread()).filter(({ event }) => event !== 'messages')).toEqual([])
})

test('however often a user types, another sees it at most once a second, and sees the latest place', async () => {
  const [hank, inge, jens] = [await stage.device('hank'), await stage.device('inge'), await stage.device('jens')]
  const group_id = await gather(hank, inge)
  await befriend(jens, inge)
  const began = performance.now()
  for (let i = 0; i < 200; i++) hank.mqtt.publish('typing', '{"to":"inge"}', { qos: 0 })
  for (let i = 0; i < 200; i++) hank.mqtt.publish('typing', JSON.stringify({ group_id }), { qos: 0 })
  await hank.asks('get_messages', { with: 'inge' })
  await jens.mqtt.publishAsync('typing', '{"to":"inge"}', { qos: 0 })
  const seen = [await inge.receives('user_typing')]
  const has = (field: string, value: unknown): boolean => seen.some((one) => one[field] === value)
  while (!has('group_id', group_id) || !has('user_id', 'jens')) seen.push(await inge.receives('user_typing'))
  const seconds = (performance.now() - began) / 1_000
  expect(seen.filter(({ user_id }) => user_id === 'hank').length).toBeLessThanOrEqual(2 + seconds)
})

test('tells contacts when the first device of a user connects, and five seconds after the last one is gone', async () => {
  const [anna, bert, cora] = [await comes(stage, 'anna'), await comes(stage, 'bert'), await comes(stage, 'cora')]
  await befriend(anna, bert)
  const left = Date.now()
  await bert.leaves()
  expect(await anna.receives('user_offline')).toMatchObject({ user_id: 'bert', last_seen: expect.any(String) })
  expect(Date.now() - left).toBeGreaterThan(4_900)

  const phone = await stage.device('bert', { clientId: 'phone' })
  expect(await anna.receives('user_online')).toMatchObject({ user_id: 'bert', status: 'available' })
  const laptop = await stage.device('bert', { clientId: 'laptop' })
  await phone.leaves() // one device is left
  const flap = await stage.device('bert', { clientId: 'flap' })
  await flap.leaves()
  const taken = once(laptop.mqtt as never, 'close')
  const again = await stage.device('bert', { clientId: 'laptop' }) // takes over the laptop's session
  await taken
  await again.leaves()
  const back = await stage.device('bert', { clientId: 'phone' }) // within five seconds
  expect(await back.asks('get_user_list')).toMatchObject({ users: [{ user_id: 'anna' }] })
  expect((await anna.unread()).map(({ event }) => event)).toEqual([])
  expect((await cora.unread()).map(({ event }) => event)).toEqual([])
})

test('a status reaches connected devices only: it is kept in no inbox and in no offline session', async () => {
  const [wil, xen] = [await comes(stage, 'wil'), await comes(stage, 'xen')]
  await befriend(wil, xen)
  const { last } = await xen.asks('whoami')
  await (await stage.device('xen', KEPT)).leaves()
  await wil.asks('set_status', { status: 'away' })
  expect(await xen.receives('user_status')).not.toHaveProperty('event_seq')
  await xen.leaves()
  await wil.asks('set_status', { status: 'busy' })
  const back = await stage.device('xen', KEPT)
  expect((await back.unread()).filter(({ status }) => status === 'busy')).toEqual([])
  expect(await back.asks('whoami')).toMatchObject({ last })
})

test('however often a status changes, others hear the latest and not every one', async () => {
  const [yuri, zita] = [await comes(stage, 'yuri'), await comes(stage, 'zita')]
  await befriend(yuri, zita)
  const began = performance.now()
  for (let i = 0; i < 100; i++) {
    yuri.mqtt.publish('set_status', JSON.stringify({ status: 'busy', text: `${i}` }), { qos: 0 })
  }
  await yuri.asks('set_status', { status: 'away', text: 'the last' })
  const heard = [await zita.receives('user_status')]
  while (heard.at(-1)!['text'] !== 'the last') heard.push(await zita.receives('user_status'))
  expect(heard.length).toBeLessThanOrEqual(2 + (performance.now() - began) / 200)
})

test('a participant who was offline for a while gets their seat back without sending anything', async () => {
  const [sven, tina] = [await comes(stage, 'sven'), await comes(stage, 'tina')]
  await befriend(sven, tina)
  const { conference_id, token } = await sven.asks('create_conference')
  const { participant_id } = await tina.asks('join_conference', { conference_id, token })
  await sven.unread()
  await tina.leaves()
  await sven.receives('user_offline') // presence waits five seconds before it reports offline
  expect(await sven.unread()).toEqual([])
  await stage.device('tina')
  expect(await sven.receives('participant_resumed')).toMatchObject({ conference_id, user_id: 'tina', participant_id })
})

test('a conference signal whose receivers are all offline is answered so; the others get theirs', async () => {
  const [otto, paul, rick] = [await stage.device('otto'), await stage.device('paul'), await stage.device('rick')]
  const { conference_id, token } = await otto.asks('create_conference')
  for (const one of [paul, rick]) await one.asks('join_conference', { conference_id, token })
  await paul.unread()
  await rick.leaves()
  const says = (fields: object) => otto.asks('signal_conference', { conference_id, type: 'bye', ...fields })
  expect(await says({ target: 'rick' })).toMatchObject({ code: 'offline' })
  expect(await says({})).toMatchObject({ event: 'signal_relayed' })
  expect(await paul.receives('signal')).toMatchObject({ type: 'bye' })
})
