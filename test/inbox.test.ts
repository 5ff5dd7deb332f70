import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { MqttClient } from 'mqtt'
import { z } from 'zod'
import { command, event, userId } from '../shared/runtime/command.ts'
import { refuse } from '../shared/wire/refusal.ts'
import { tokenFor, type Device, type Received } from './device.ts'
import { holdStorage } from './hold-storage.ts'
import { Parts } from './parts.ts'
import { PlainHandler } from './plain-handler.ts'
import { openStage, type Stage } from './stage.ts'

// How a client learns what it has missed.

const told = event('told', { text: z.string() })
const noted = event('noted', { text: z.string() })

const demo = new Map([
  [
    'tell',
    command({
      input: z.object({ to: z.array(userId).default([]), text: z.string().max(8_000) }),
      events: { told, noted },
      run({ to, text }) {
        if (text === 'refuse me') throw refuse('not_found')
        return { reply: told({ text }), notify: [[to, noted({ text })]] }
      },
    }),
  ],
])

const INBOX_EVENTS = 100
let stage: Stage
/** For tests that kill the broker. */
let parts: Parts
beforeAll(async () => {
  stage = await openStage('contacts', { QUEUE_TTL: '200', INBOX_EVENTS: String(INBOX_EVENTS) })
  parts = stage.keep(await Parts.open())
  await stage.serve('demo', demo)
})
afterAll(() => stage.close())

/** The answer to `sync_events`. */
interface Synced extends Received {
  recovered: boolean
  epoch: string
  events: Received[]
  last: number
  more: boolean
}
const synced = async (device: Device, fields: object): Promise<Synced> =>
  (await device.asks('sync_events', fields)) as Synced
/** The current position in a user's events. */
async function mark(device: Device): Promise<{ epoch: string; since: number }> {
  const info = await device.asks('whoami')
  return { epoch: info['epoch'] as string, since: info['last'] as number }
}
/** Resolves when the broker has read everything the client sent so far, which its PINGRESP proves. */
async function answered({ mqtt }: { mqtt: MqttClient }): Promise<void> {
  const heard = new Promise<void>((resolve) => mqtt.on('packetreceive', ({ cmd }) => cmd === 'pingresp' && resolve()))
  mqtt.sendPing()
  await heard
}

const seqs = (events: Received[]): unknown[] => events.map(({ event_seq }) => event_seq)

test('Bob, who keeps no session, gets what he missed, in order and as connected clients got it', async () => {
  const [alice, phone, laptop] = [await stage.device('alice'), await stage.device('bob'), await stage.device('bob')]
  const here = await mark(phone)
  await phone.leaves()
  await alice.asks('request_contact', { user_id: 'bob', note: 'hello' })
  await alice.asks('cancel_contact_request', { user_id: 'bob' })
  await alice.asks('request_contact', { user_id: 'bob' })
  const back = await stage.device('bob')
  const answer = await synced(back, here)
  expect(answer).toMatchObject({ recovered: true, epoch: here.epoch, more: false })
  expect(answer.events.map(({ event }) => event)).toEqual([
    'contact_requested',
    'contact_request_cancelled',
    'contact_requested',
  ])
  expect(answer.events[0]).toMatchObject({ user_id: 'alice', note: 'hello', at: expect.stringMatching(/^20/) })
  expect(seqs(answer.events)).toEqual([here.since + 1, here.since + 2, here.since + 3])
  expect(answer.last).toBe(here.since + 3)
  const heard = (await laptop.unread()).filter(({ event_seq }) => event_seq !== undefined)
  expect(answer.events).toEqual(heard)
  expect((await synced(back, { epoch: here.epoch, since: answer.last })).events).toEqual([])
})

test('events on their own topics have the number too', async () => {
  const eve = await stage.device('eve', { hears: ['told', 'events_synced', 'command_rejected'] })
  await eve.asks('tell', { text: 'one' })
  expect(await eve.asks('tell', { text: 'two' })).toMatchObject({ event: 'told', event_seq: 2 })
  expect(await eve.asks('tell', { text: 'refuse me' })).toMatchObject({ event: 'command_rejected', event_seq: 3 })
  expect(await mark(eve)).toMatchObject({ since: 3 })
})

test('missed answers have the id of their command, and so do missed failures', async () => {
  const frank = await stage.device('frank')
  const here = await mark(frank)
  const handler = await PlainHandler.connect(stage, 'slow.1')
  await handler.takes('think', 0)
  const ids = [await frank.sends('think', {}), await frank.sends('think', {})]
  await frank.leaves()
  const [done, failed] = [await handler.gets(), ids[1]]
  await handler.causes('frank_thought', { text: 'done' }, done.stamp['command-id'])
  await handler.ends({
    command: (await handler.gets()).stamp['command-id'],
    outcome: 'refused',
    code: 'conflict',
    message: '',
    attempt: 1,
  })
  const back = await stage.device('frank')
  const { events } = await synced(back, here)
  expect(events).toMatchObject([
    { event: 'thought', text: 'done', re: ids[0], event_seq: 1 },
    { event: 'command_rejected', code: 'conflict', command: 'think', re: failed, event_seq: 2 },
  ])
  await handler.mqtt.endAsync()
})

test('pages hold as many events as the client asks for', async () => {
  const gina = await stage.device('gina')
  const here = await mark(gina)
  for (let n = 0; n < 7; n++) await gina.asks('tell', { text: String(n) })
  const texts: unknown[] = []
  let { epoch, since } = here
  for (;;) {
    const { recovered, events, more, last } = await synced(gina, { epoch, since, limit: 3 })
    expect([recovered, events.length]).toEqual([true, more ? 3 : 1])
    texts.push(...events.map(({ text }) => text))
    since = more ? (events.at(-1)!['event_seq'] as number) : last
    if (!more) break
  }
  expect(texts).toEqual(['0', '1', '2', '3', '4', '5', '6'])
  expect(since).toBe(7)
})

test('a page is at most half the maximum packet, and a larger event comes alone', async () => {
  const small = await openStage([], { MAX_PACKET_BYTES: '16384', MAX_COMMAND_BYTES: '8192' })
  try {
    const shout = event('shout', { text: z.string() })
    const more = command({
      input: z.object({ size: z.int() }),
      events: { shout },
      run: ({ size }) => ({ reply: shout({ text: 'x'.repeat(size) }) }),
    })
    await small.serve('demo', new Map([['repeat', more]]))
    const harry = await small.device('harry')
    const { epoch } = await mark(harry)
    for (const size of [3_000, 3_000, 3_000, 9_000, 10]) await harry.asks('repeat', { size })
    const sizes: unknown[] = []
    for (let since = 0; since < 5; since += (sizes.at(-1) as number[]).length) {
      const { events, more } = await synced(harry, { epoch, since })
      sizes.push(events.map(({ text }) => (text as string).length))
      expect(more).toBe(since + events.length < 5)
    }
    expect(sizes).toEqual([[3_000, 3_000], [3_000], [9_000], [10]])
  } finally {
    await small.close()
  }
})

/** A client as in docs/app/catching-up.md, with the events it shows, in order. */
async function follows(device: Device, kept: { epoch: string; since: number }) {
  let { epoch, since } = kept
  let catching = true
  const [shown, waiting]: [Received[], Received[]] = [[], []]
  const news = new EventTarget()
  const seqOf = (one: Received): number => one['event_seq'] as number
  const pass = (one: Received): void => {
    if (seqOf(one) <= since) return
    since = seqOf(one)
    shown.push(one)
    news.dispatchEvent(new Event('shown'))
  }
  const catchUp = async (): Promise<void> => {
    catching = true
    for (let more = true; more;) {
      const page = await synced(device, { epoch, since, limit: 7 })
      page.events.forEach(pass)
      if (!page.more) since = page.last
      ;({ epoch, more } = page)
    }
    waiting.splice(0).forEach(pass)
    catching = false
  }
  device.mqtt.on('message', (_, payload) => {
    const one = JSON.parse(payload.toString()) as Received
    if (one['event_seq'] === undefined) return
    if (catching) waiting.push(one)
    else if (seqOf(one) <= since + 1) pass(one)
    else void catchUp()
  })
  await catchUp()
  return {
    shown,
    shows: async (count: number): Promise<void> => {
      const signal = AbortSignal.timeout(30_000)
      while (shown.length < count) await once(news, 'shown', { signal })
    },
  }
}

test('a client that catches up while new events arrive shows each once and in order, and notices a gap', async () => {
  const [rosa, sender] = [await stage.device('rosa'), await stage.device('sender')]
  const here = await mark(rosa)
  await rosa.leaves()
  const text = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n))
  const send = (texts: string[]) => Promise.all(texts.map((one) => sender.sends('tell', { to: ['rosa'], text: one })))
  await send(text(0, 30))
  const back = await stage.device('rosa')
  const [{ shown, shows }] = await Promise.all([follows(back, here), send(text(30, 90))])
  await shows(90) // it has caught up, and needs no answer
  await back.mqtt.unsubscribeAsync('rosa_events')
  await send(text(90, 93))
  await back.mqtt.subscribeAsync('rosa_events', { qos: 1 })
  await send(text(93, 95))
  await shows(95)
  expect(shown.map((one) => one['text'])).toEqual(text(0, 95))
})

test('an event that was being stored when he subscribed and asked is in the answer', async () => {
  const own = await openStage()
  try {
    const [alice, rosa] = [await own.device('alice'), await own.device('rosa', { hears: ['events_synced'] })]
    const here = await mark(rosa)
    const handler = await PlainHandler.connect(own, 'contacts.1')
    await handler.takes('request_contact', 0)
    await alice.sends('request_contact', { user_id: 'rosa' })
    const { stamp } = await handler.gets()
    const hold = await holdStorage(own.config.DATA_DIR)
    const fields = { user_id: 'alice' }
    const events = [{ to: 'rosa', event: 'contact_requested', fields }]
    const ended = handler.ends({ command: stamp['command-id'], attempt: 1, outcome: 'done', events })
    await answered(handler)
    await rosa.mqtt.subscribeAsync('rosa_events', { qos: 1 })
    const asked = synced(rosa, here)
    await answered(rosa)
    await hold.close()
    expect(await asked).toMatchObject({ last: 1, events: [{ event: 'contact_requested', ...fields, event_seq: 1 }] })
    await ended
  } finally {
    await own.close()
  }
})

test('forgotten events are not recovered, and the client learns where to go on', async () => {
  const forgetful = await openStage([], { INBOX_EVENTS: '3' })
  try {
    await forgetful.serve('demo', demo)
    const ida = await forgetful.device('ida')
    const { epoch } = await mark(ida)
    for (let n = 0; n < 5; n++) await ida.asks('tell', { text: String(n) })
    const lost = await synced(ida, { epoch, since: 1 })
    expect(lost).toMatchObject({ recovered: false, epoch, events: [], last: 5, more: false })
    await ida.asks('tell', { text: 'after' })
    expect((await synced(ida, { epoch, since: lost.last })).events).toMatchObject([{ text: 'after', event_seq: 6 }])
    expect(seqs((await synced(ida, { epoch, since: 3 })).events)).toEqual([4, 5, 6])
  } finally {
    await forgetful.close()
  }
})

test('with another epoch, none, or an unused number, nothing is recovered', async () => {
  const kate = await stage.device('kate')
  await kate.asks('tell', { text: 'hi' })
  const { epoch } = await mark(kate)
  for (const wrong of [{ epoch: 'another', since: 0 }, { since: 0 }, {}, { epoch, since: 2 }]) {
    expect(await synced(kate, wrong)).toMatchObject({ recovered: false, epoch, events: [], last: 1, more: false })
  }
  expect(await synced(kate, { epoch })).toMatchObject({ recovered: true, last: 1, events: [{ text: 'hi' }] })
  for (const wrong of [{ epoch, since: -1 }, { epoch, limit: 101 }, { epoch, sinse: 1 }, { epoch: 7 }]) {
    expect(await kate.asks('sync_events', wrong)).toMatchObject({ code: 'bad_payload' })
  }
})

test('nobody gets events of another user, who has the same numbers', async () => {
  const [leo, mallory] = [await stage.device('leo'), await stage.device('mallory')]
  const { epoch } = await mark(leo)
  await leo.asks('tell', { text: 'a secret of Leo' })
  expect(await synced(mallory, { epoch, since: 0 })).toMatchObject({ recovered: true, events: [], last: 0 })
  const own = await mallory.asks('sync_events', { epoch, since: 0, user_id: 'leo' })
  expect(own).toMatchObject({ code: 'bad_payload', fields: { user_id: expect.any(String) } })
  await mallory.asks('tell', { text: 'mine' })
  expect((await synced(mallory, { epoch, since: 0 })).events).toMatchObject([{ text: 'mine', event_seq: 1 }])
})

test('a token that narrows a user’s events narrows what they missed', async () => {
  const nora = await stage.device('nora')
  const { epoch } = await mark(nora)
  await nora.asks('tell', { to: ['nora'], text: 'hi' })
  const acl = { pub: ['sync_events'], sub: ['noted', 'events_synced', 'session_info'] }
  const token = tokenFor('nora', stage.secret, { acl })
  const narrowed = await stage.device('nora', { token, hears: ['noted', 'events_synced'] })
  const { events, last } = await synced(narrowed, { epoch, since: 0, limit: 1 })
  expect(events).toMatchObject([{ event: 'noted', event_seq: 2 }])
  expect(last).toBe(2)
})

test('repeating a command returns the same answer, with the same number', async () => {
  const oscar = await stage.device('oscar')
  const bodies: string[] = []
  oscar.mqtt.on('message', (_, payload) => void bodies.push(payload.toString()))
  for (let i = 0; i < 2; i++) {
    await oscar.asks('tell', { text: 'once' }, { id: 'same' })
    await oscar.asks('tell', { text: 'refuse me' }, { id: 'not-same' })
  }
  expect(bodies).toHaveLength(4)
  expect(bodies.slice(0, 2)).toEqual(bodies.slice(2))
  expect(bodies[0]).toContain('"event_seq":1,')
  expect((await mark(oscar)).since).toBe(2)
})

test('an event to several users has a number for each of them', async () => {
  const [paul, rita, sam] = [await stage.device('paul'), await stage.device('rita'), await stage.device('sam')]
  for (let n = 0; n < 3; n++) await rita.asks('tell', { text: 'for herself' })
  await paul.asks('tell', { to: ['sam'], text: 'first' })
  await rita.unread()
  await sam.unread()
  expect(await paul.asks('tell', { to: ['rita', 'sam', 'absent'], text: 'all' })).toMatchObject({ event_seq: 2 })
  expect(await rita.receives('noted')).toEqual({ event: 'noted', event_seq: 4, text: 'all', at: expect.any(String) })
  expect(await sam.receives('noted')).toEqual({ event: 'noted', event_seq: 2, text: 'all', at: expect.any(String) })
  const { epoch } = await mark(paul)
  const absent = await stage.device('absent') // connects for the first time
  expect((await synced(absent, { epoch, since: 0 })).events).toMatchObject([
    { event: 'noted', text: 'all', event_seq: 1 },
  ])
})

test('events that no stored command caused have no number, and are not kept', async () => {
  const tina = await stage.device('tina')
  const handler = await PlainHandler.connect(stage, 'talker.1')
  const without: Received[] = [
    await tina.asks('whoami'),
    await tina.asks('no_such_command'),
    await tina.asks('tell', { text: 'refused', expires_at: 'soon' }),
    await tina.asks('tell', { text: 'never stored' }, { qos: 0 }),
    await tina.asks('sync_events', {}),
  ]
  await tina.sends('update_profile', { fields: { name: 'Tina' } }) // her command's group is away
  without.push(await tina.receives('command_queued'))
  await handler.causes('tina_told', { text: 'by the way' })
  without.push(await tina.receives('told'))
  for (const one of without) expect([one.event, one['event_seq']]).toEqual([one.event, undefined])
  expect(await tina.receives('command_rejected')).toMatchObject({ code: 'unavailable', event_seq: 1 }) // the command was accepted
  const { epoch } = await mark(tina)
  expect((await synced(tina, { epoch })).events.map(({ event }) => event)).toEqual(['command_rejected'])
  await handler.mqtt.endAsync()
})

test('an answer to a read goes to its client alone, and takes no place in the inbox', async () => {
  const [phone, tablet] = [await stage.device('uma'), await stage.device('uma')]
  const here = await mark(phone)
  await phone.asks('tell', { text: 'to be kept' })
  const lists = Array.from({ length: INBOX_EVENTS + 10 }, () => phone.asks('get_contact_list'))
  for (const list of await Promise.all(lists)) expect(list).toMatchObject({ event: 'contact_list', contacts: [] })
  expect(await phone.asks('get_contact_list', { limit: 0 })).toMatchObject({ code: 'bad_payload' })
  expect(await phone.asks('get_contact_list', {}, { qos: 0 })).toMatchObject({ event: 'contact_list' })
  await tablet.asks('sync_events', {})
  const { recovered, events } = await synced(phone, here)
  expect({ recovered, events: events.map(({ event }) => event) }).toEqual({ recovered: true, events: ['told'] })
  expect((await tablet.unread()).map(({ event }) => event)).toEqual(['told'])
  expect(await phone.unread()).toEqual([])
})

test('an answer for one client waits in that client’s session alone while it is away, across a restart too', async () => {
  const vic = await parts.device('vic', { clientId: 'phone' })
  const tablet = await parts.device('vic', { clientId: 'tablet' })
  const id = await vic.sends('get_contact_list', {})
  expect(await vic.receives('command_queued')).toMatchObject({ re: id })
  vic.mqtt.stream.destroy()
  vic.mqtt.options.reconnectPeriod = 0
  const handlers = await parts.startHandlers()
  await tablet.asks('get_block_list') // a later question has a later answer
  await handlers.close()
  await parts.killBroker()
  await parts.startBroker()
  await tablet.isBack()
  const back = await parts.device('vic', { clientId: 'phone' })
  expect(await back.receives('contact_list')).toMatchObject({ re: id })
  expect((await tablet.unread()).map(({ event }) => event)).toEqual([])
})

test('numbers, epoch and missed events survive a killed broker', async () => {
  await parts.startHandlers()
  const anew = { mqtt: { clean: true, properties: {} } }
  const [uma, vera] = [await parts.device('uma', anew), await parts.device('vera', anew)]
  const here = await mark(vera)
  await vera.leaves()
  await uma.asks('request_contact', { user_id: 'vera' })
  await uma.leaves()
  await parts.killBroker()
  await parts.startBroker()
  const [again, other] = [await parts.device('vera', anew), await parts.device('uma', anew)]
  const answer = await synced(again, here)
  expect(answer).toMatchObject({ recovered: true, epoch: here.epoch, last: 1 })
  expect(answer.events).toMatchObject([{ event: 'contact_requested', user_id: 'uma', event_seq: 1 }])
  await other.asks('cancel_contact_request', { user_id: 'vera' })
  expect(await again.receives('contact_request_cancelled')).toMatchObject({ event_seq: 2 })
  await again.unread()
  expect(seqs((await synced(again, here)).events)).toEqual([1, 2])
})
