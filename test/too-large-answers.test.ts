import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import { command, event, userId } from '../shared/runtime/command.ts'
import type { Device, DeviceOptions, Received } from './device.ts'
import { openStage, type Stage } from './stage.ts'

// Answers larger than the Maximum Packet Size of the client that gets them [MQTT-3.1.2-24].

const told = event('told', { text: z.string() })
const noted = event('noted', { text: z.string() })
const demo = new Map([
  [
    'tell',
    command({
      input: z.object({ to: z.array(userId).default([]), text: z.string().max(8_000) }),
      events: { told, noted },
      run: ({ to, text }) => ({ reply: told({ text }), notify: [[to, noted({ text })]] }),
    }),
  ],
])

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
  await stage.serve('demo', demo)
})
afterAll(() => stage.close())

const MAX_PACKET = 2_000
const LONG = 'x'.repeat(4_000)
const REFUSED = { event: 'command_rejected', command: 'tell', code: 'too_large', message: expect.any(String) }
/** A client with a Maximum Packet Size of 2,000 bytes. */
const small = (sub: string, { mqtt, ...more }: DeviceOptions = {}): Promise<Device> =>
  stage.device(sub, {
    ...more,
    mqtt: { ...mqtt, properties: { maximumPacketSize: MAX_PACKET, ...mqtt?.properties } },
  })

test('an answer over its client’s Maximum Packet Size becomes too_large, also on repetition; others get it', async () => {
  const [phone, laptop] = [await small('ada'), await stage.device('ada')]
  const id = await phone.sends('tell', { text: LONG })
  expect(await phone.receives('command_rejected')).toMatchObject({ ...REFUSED, re: id })
  expect(await laptop.receives('told')).toMatchObject({ re: id, text: LONG })
  expect(await phone.asks('tell', { text: LONG }, { id })).toMatchObject({ ...REFUSED, re: id })
  expect(await phone.asks('tell', { text: 'short' })).toMatchObject({ event: 'told' })
  expect((await phone.unread()).map(({ event }) => event)).toEqual([])
})

test('too_large arrives on the topic of refusals, or on the Response Topic, with the correlation data', async () => {
  const named = await small('bea', { hears: ['told', 'command_rejected'] })
  expect(await named.asks('tell', { text: LONG })).toMatchObject(REFUSED)

  const asker = await small('cleo', { hears: ['told'] })
  const answer = new Promise<unknown[]>((resolve) => {
    asker.mqtt.once('message', (topic, payload, { properties }) =>
      resolve([topic, JSON.parse(payload.toString()), properties?.correlationData?.toString()]),
    )
  })
  const properties = { responseTopic: 'cleo_told', correlationData: Buffer.from('mine') }
  await asker.mqtt.publishAsync('tell', JSON.stringify({ text: LONG }), { qos: 1, properties })
  expect(await answer).toEqual(['cleo_told', expect.objectContaining({ ...REFUSED, re: 'mine' }), 'mine'])
})

test('a message that waits in a session is judged by the Maximum Packet Size of the client that gets it', async () => {
  const kept = { clean: false, properties: { sessionExpiryInterval: 600 } }
  const laptop = await stage.device('dora')
  await (await stage.device('dora', { clientId: 'phone', mqtt: kept })).leaves()
  const ids = [await laptop.sends('tell', { text: LONG }), await laptop.sends('tell', { text: 'short' })]
  await laptop.hears('told', 2)
  const phone = await small('dora', {
    clientId: 'phone',
    mqtt: { ...kept, properties: { ...kept.properties, receiveMaximum: 1 } },
  })
  expect(await phone.next()).toMatchObject({ ...REFUSED, re: ids[0] })
  expect(await phone.next()).toMatchObject({ event: 'told', re: ids[1] })
  const asked = await Promise.all([1, 2, 3].map(() => phone.asks('tell', { text: LONG })))
  expect(asked).toMatchObject([REFUSED, REFUSED, REFUSED])
})

test('sync_events fits its client: page by page, large answers as too_large, without other large events', async () => {
  const phone = await small('emma')
  const { epoch, last: since } = (await phone.asks('whoami')) as Received & { epoch: string; last: number }
  const finn = await stage.device('finn')
  await phone.asks('tell', { text: LONG })
  await finn.asks('tell', { to: ['emma'], text: LONG })
  for (let i = 0; i < 5; i++) await finn.asks('tell', { to: ['emma'], text: String(i).repeat(900) })

  const events: Received[] = []
  for (let from = since, more = true, pages = 0; more; pages++) {
    expect(pages).toBeLessThan(8)
    const page = await phone.asks('sync_events', { epoch, since: from })
    expect(page).toMatchObject({ event: 'events_synced', recovered: true })
    events.push(...(page['events'] as Received[]))
    more = page['more'] as boolean
    from = events.at(-1)!['event_seq'] as number
  }
  expect(events[0]).toMatchObject({ ...REFUSED, event_seq: since + 1, re: expect.any(String) })
  expect(events.slice(1).map(({ text }) => (text as string)[0])).toEqual(['0', '1', '2', '3', '4'])
})
