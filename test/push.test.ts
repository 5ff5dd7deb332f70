import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import { command } from '../shared/runtime/command.ts'
import type { Commands } from '../shared/runtime/scan.ts'
import { Device } from './device.ts'
import { befriend } from './friends.ts'
import { devicesLeave, metric } from './metrics.ts'
import { Parts } from './parts.ts'
import { PUSH_SETTINGS, PushService } from './push-service.ts'
import { openStage, type Stage } from './stage.ts'

// Who is woken, and when: what handlers get that are declared with `push`. How they tell browsers: handlers/push/.

interface Woken {
  user: string
  event: string
  event_seq: number
  fields: Record<string, unknown>
}
const woken: Woken[] = []
const arrived = new EventTarget()
const taker = (needs?: string) =>
  command({
    input: z.object({
      event: z.string(),
      event_seq: z.int(),
      sent_at: z.iso.datetime(),
      fields: z.record(z.string(), z.unknown()),
    }),
    events: {},
    internal: 'push',
    ordered: false,
    ...(needs !== undefined && { needs }),
    async run({ event, event_seq, fields }, { from }) {
      woken.push({ user: from.user, event, event_seq, fields })
      arrived.dispatchEvent(new Event('woken'))
      return {}
    },
  })

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging', 'signaling'])
  const commands: Commands = new Map([
    ['probe_wanted', taker()],
    ['keyed_wanted', taker('VAPID_PUBLIC_KEY')], // is never sent here, where that is not set
  ])
  await stage.serve('probe', commands)
})
afterAll(() => stage.close())

async function pair(one: string, other: string): Promise<[Device, Device]> {
  const devices: [Device, Device] = [await stage.device(one), await stage.device(other)]
  await befriend(...devices)
  return devices
}

const goes = (device: Device, from: { admin: string } = stage): Promise<void> =>
  devicesLeave(from, () => device.leaves())

async function wakes(user: string): Promise<Woken> {
  for (;;) {
    const at = woken.findIndex((one) => one.user === user)
    if (at >= 0) return woken.splice(at, 1)[0]!
    await once(arrived, 'woken', { signal: AbortSignal.timeout(60_000) })
  }
}

test('a message to a user none of whose devices is connected wakes them, once, with ids and without its text', async () => {
  const [alice, bob] = await pair('alice', 'bob')
  const there = await stage.device('carl')
  await befriend(alice, there)
  await goes(bob)
  await alice.asks('send_message', { to: 'carl', body: 'you are there' })
  const sent = await alice.asks('send_message', { to: 'bob', body: 'a secret' })
  const { event, event_seq, fields } = await wakes('bob')
  expect([event, fields]).toEqual(['message_received', { message_id: sent['message_id'], from: 'alice' }])
  const back = await stage.device('bob')
  const { epoch } = await back.asks('sync_events')
  const missed = await back.asks('sync_events', { epoch, since: event_seq - 1 })
  expect(JSON.stringify(missed)).toContain('a secret')
  await alice.asks('send_message', { to: 'bob', body: 'you are back' })
  await back.receives('message_received')
  expect(woken).toEqual([])
  expect(await metric(stage, 'commands_accepted_total', 'push_wanted')).toBe(0)
})

test('a call to a user who is away wakes them: it is missed at once', async () => {
  const [dora, eve] = await pair('dora', 'eve')
  await goes(eve)
  const offer = {
    target: 'eve',
    type: 'offer',
    call_id: 'c1',
    body: { type: 'offer', sdp: 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n' },
  }
  expect(await dora.asks('signal', offer)).toMatchObject({ code: 'offline' })
  const states = [await wakes('eve'), await wakes('eve')].map(({ event, fields }) => [
    event,
    fields['state'],
    fields['with'],
  ])
  expect(states).toEqual([
    ['call_changed', 'ringing', 'dora'],
    ['call_changed', 'missed', 'dora'],
  ])
  expect(woken).toEqual([])
})

test('an invitation to a conference wakes', async () => {
  const [finn, gina] = await pair('finn', 'gina')
  await goes(gina)
  const { conference_id } = await finn.asks('create_conference', { invite: ['gina'] })
  expect(await wakes('gina')).toMatchObject({ event: 'conference_invited', fields: { conference_id, by: 'finn' } })
})

test('a flood of messages wakes their receiver at most twenty times a minute', async () => {
  const [hugo, ida] = await pair('hugo', 'ida')
  await goes(ida)
  for (let i = 0; i < 30; i++) await hugo.asks('send_message', { to: 'ida', body: `message ${i}` })
  for (let i = 0; i < 20; i++) await wakes('ida')
  const [jack, kim] = await pair('jack', 'kim')
  await goes(kim)
  await jack.asks('send_message', { to: 'kim', body: 'another' })
  await wakes('kim')
  expect(woken).toEqual([])
})

test('a message wakes the browser of a user who is away, but not its sender’s, though broker and groups were killed in between', async () => {
  const service = await PushService.open()
  const parts = await Parts.open(PUSH_SETTINGS)
  try {
    const trusting = { NODE_EXTRA_CA_CERTS: service.caFile }
    await parts.startHandlers('contacts')
    const messaging = await parts.startHandlers('messaging')
    const push = await parts.startHandlers('push', trusting)
    const comes = (name: string) => parts.device(name, { mqtt: { clean: true, reconnectPeriod: 0, properties: {} } })
    const [ann, ben] = [await comes('ann'), await comes('ben')]
    await befriend(ann, ben)
    for (const one of [ann, ben]) {
      expect(await one.asks('save_push_subscription', service.subscribe())).toMatchObject({
        event: 'push_subscription_saved',
      })
    }
    await goes(ben, parts)
    await ann.asks('send_message', { to: 'ben', body: 'first' })
    expect(await service.gets()).toMatchObject({
      message: { event: 'message_received', from: 'ann', user_id: 'ben' },
    })

    for (const one of [messaging, push]) {
      one.kill('SIGKILL')
      await one.ended
    }
    await ann.sends('send_message', { to: 'ben', body: 'second' })
    await goes(ann, parts)
    await parts.startHandlers('messaging')
    await parts.killBroker()
    await parts.startBroker()
    await parts.startHandlers('push', trusting)
    const { message } = await service.gets()
    expect(message).toMatchObject({ event: 'message_received', from: 'ann', user_id: 'ben' })
    expect(JSON.stringify(message)).not.toMatch(/first|second/)
    const back = await comes('ann')
    await back.asks('send_message', { to: 'ben', body: 'third' })
    expect(await service.gets()).toMatchObject({ message: { user_id: 'ben' } })
    expect(service.unread()).toEqual([])
  } finally {
    await parts.close()
    await service.close()
  }
})
