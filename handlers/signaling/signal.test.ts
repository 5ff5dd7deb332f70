import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, clock, person } = await stage(['contacts', 'presence', 'signaling'], { RING_TIMEOUT: '4000' })

const SDP = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'
async function pair(one: string, other: string): Promise<[typeof alice, typeof alice]> {
  const people: [typeof alice, typeof alice] = [person(one), person(other)]
  await befriend(...people)
  return people
}
type SignalType = 'offer' | 'answer' | 'candidate' | 'ringing' | 'decline' | 'busy' | 'cancel' | 'bye'
const offers = (by: typeof alice, target: string, call_id?: string) =>
  by.calls('signal', { target, type: 'offer', body: { type: 'offer', sdp: SDP }, ...(call_id && { call_id }) })
const signals = (by: typeof alice, target: string, type: SignalType, call_id?: string) =>
  by.calls('signal', {
    target,
    type,
    ...(type === 'answer' && { body: SDP }),
    ...(call_id && { call_id }),
  })

test('a signal reaches its target unchanged, and tells which side gives way', async () => {
  const [alice, bob] = await pair('alice', 'bob')
  const body = { type: 'offer', sdp: `${SDP}a=x-own:1\r\n`, own: [1, { deep: null }] }
  expect(await alice.calls('signal', { target: 'bob', type: 'offer', body })).toAnswer('signal_relayed', {
    target: 'bob',
    polite: true,
  })
  const told = { event: 'signal', at: expect.any(String), origin: 'alice', type: 'offer', body, polite: false }
  expect(bob.receives('signal')).toEqual(told)
  await signals(bob, 'alice', 'answer')
  alice.receives('signal', { origin: 'bob', type: 'answer', body: SDP, polite: true })
})

test('an invisible user looks offline, except in a call in which they took part', async () => {
  const [uma, vic] = await pair('uma', 'vic')
  await vic.calls('set_status', { status: 'invisible' })
  for (const one of [uma, vic]) one.unread()
  expect(await offers(uma, 'vic')).toBeRefused('offline')
  expect(await signals(uma, 'vic', 'candidate')).toBeRefused('offline')
  expect(await offers(uma, 'vic', 'c1')).toBeRefused('offline')
  await clock.passes(0)
  const states = (one: typeof alice) => [one.receives('call_changed'), one.receives('call_changed')]
  expect(states(uma)).toMatchObject([{ state: 'ringing' }, { state: 'missed' }])
  expect(states(vic)).toMatchObject([{ state: 'ringing' }, { call_id: 'c1', state: 'missed' }])
  expect(vic.unread().filter(({ event }) => event === 'signal')).toEqual([])
  await offers(vic, 'uma', 'c2')
  uma.receives('signal', { origin: 'vic', call_id: 'c2' })
  expect(await signals(uma, 'vic', 'answer', 'c2')).toAnswer('signal_relayed')
  vic.receives('signal', { type: 'answer', call_id: 'c2' })
})

test('users of different issuers call each other by alias and subject', async () => {
  const [yara, zoe] = await pair('kc:yara_1', 'own:zoe@example.org')
  expect(yara.user).toBe('kc:yara%5F1')
  await offers(yara, zoe.user, 'c1')
  zoe.receives('signal', { origin: yara.user, call_id: 'c1' })
  await signals(zoe, yara.user, 'decline', 'c1')
  expect(await yara.calls('get_call_list')).toMatchObject({ calls: [{ with: zoe.user, state: 'declined' }] })
})

test('refuses strangers and invalid signals', async () => {
  const [jon, kim] = await pair('jon', 'kim')
  const stranger = person('stranger')
  expect(await offers(stranger, 'kim')).toBeRefused('forbidden')
  expect(await offers(stranger, 'nobody')).toBeRefused('forbidden')
  for (const fields of [
    { target: 'kim', type: 'shout' },
    { target: 'kim', type: 'offer', body: 'hello' },
    { target: 'kim', type: 'candidate', body: { candidate: 'hello' } },
    { target: 'jon', type: 'bye' },
    { target: 'kim', type: 'bye', origin: 'kim' },
    { target: 'kim', type: 'bye', call_id: 'no id' },
  ]) {
    expect(await jon.calls('signal', fields as never)).toBeRefused('bad_payload')
  }
  expect(kim.unread()).toEqual([])
})

test.each([
  ['declines', 'decline', 'callee', 'declined'],
  ['is busy', 'busy', 'callee', 'busy'],
  ['hangs up', 'bye', 'callee', 'declined'],
  ['gives up', 'cancel', 'caller', 'cancelled'],
  ['hangs up first', 'bye', 'caller', 'cancelled'],
] as const)('a user %s', async (what, type, who, state) => {
  const name = what.replaceAll(' ', '-')
  const [caller, callee] = await pair(`caller-${name}`, `callee-${name}`)
  await offers(caller, callee.user, 'c1')
  const [by, other] = who === 'caller' ? [caller, callee] : [callee, caller]
  for (const one of [by, other]) one.unread()
  expect(await signals(by, other.user, type, 'c1')).toAnswer('signal_relayed')
  for (const one of [by, other]) one.receives('call_changed', { call_id: 'c1', state })
  expect(await signals(callee, caller.user, 'answer', 'c1')).toBeRefused('conflict')
  expect(await callee.calls('get_call_list')).toMatchObject({ calls: [{ call_id: 'c1', direction: 'in', state }] })
})

test('a call that nobody answers is missed; a signal to a missing call is refused', async () => {
  const [nina, olaf] = await pair('nina', 'olaf')
  await offers(nina, 'olaf', 'c1')
  await clock.passes(4_000)
  for (const one of [nina, olaf]) {
    one.receives('call_changed', { state: 'ringing' })
    one.receives('call_changed', { call_id: 'c1', state: 'missed' })
  }
  expect(await signals(olaf, 'nina', 'answer', 'c1')).toBeRefused('conflict')
  expect(await signals(olaf, 'nina', 'answer', 'other')).toBeRefused('conflict')
})
