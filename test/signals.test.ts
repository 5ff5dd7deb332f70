import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { Device } from './device.ts'
import { befriend } from './friends.ts'
import { openStage, type Stage } from './stage.ts'

// Signals between devices: all devices of the target, their order and pace, offline targets. handlers/signaling/signal.test.ts has the rest.

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'presence', 'signaling'], { MAX_LIVE_WAITING: '15' })
})
afterAll(() => stage.close())

const SDP = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'
const CANDIDATE = { candidate: 'candidate:1 1 udp 2113937151 192.0.2.1 5000 typ host', sdpMid: '0', sdpMLineIndex: 0 }
async function pair(one: string, other: string): Promise<[Device, Device]> {
  const devices: [Device, Device] = [await stage.device(one), await stage.device(other)]
  await befriend(...devices)
  return devices
}
const offers = (by: Device, target: string, call_id?: string) =>
  by.asks('signal', { target, type: 'offer', body: { type: 'offer', sdp: SDP }, ...(call_id && { call_id }) })
const signals = (by: Device, target: string, type: string, call_id?: string) =>
  by.asks('signal', { target, type, ...(type === 'answer' && { body: SDP }), ...(call_id && { call_id }) })

test('a signal reaches every device of the target unchanged, and tells which side gives way', async () => {
  const [alice, bob] = await pair('alice', 'bob')
  const bobs = await stage.device('bob')
  const body = { type: 'offer', sdp: `${SDP}a=x-own:1\r\n`, own: [1, { deep: null }] }
  expect(await alice.asks('signal', { target: 'bob', type: 'offer', body })).toMatchObject({
    event: 'signal_relayed',
    target: 'bob',
    polite: true,
  })
  for (const device of [bob, bobs]) {
    const told = { event: 'signal', at: expect.any(String), origin: 'alice', type: 'offer', body, polite: false }
    expect(await device.receives('signal')).toEqual(told)
  }
  await signals(bob, 'alice', 'answer')
  expect(await alice.receives('signal')).toMatchObject({ origin: 'bob', type: 'answer', body: SDP, polite: true })
  await bobs.leaves()
})

test('a burst arrives in order, 100 ms apart, from any number of devices and processes', async () => {
  const [carl, dora] = await pair('carl', 'dora')
  const [eve, carls] = [await stage.device('eve'), await stage.device('carl')]
  await befriend(eve, dora)
  await stage.serve('signaling')
  const arrived: number[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  dora.mqtt.on('message', (topic, payload) => {
    if (topic === 'dora_events' && payload.includes('"event":"signal"')) arrived.push(performance.now())
  })
  const body = (i: number) => ({ ...CANDIDATE, sdpMLineIndex: i })
  const all = [carl, carls, eve].flatMap((by, d) =>
    Array.from({ length: 4 }, (_, i) =>
      by.asks('signal', { target: 'dora', type: 'candidate', body: body(10 * d + i) }),
    ),
  )
  expect((await Promise.all(all)).filter(({ event }) => event !== 'signal_relayed')).toEqual([])
  await dora.hears('signal', 12)
  const gaps = arrived.slice(1).map((at, i) => at - arrived[i]!)
  expect(arrived).toHaveLength(12)
  delay.disable()
  const late = delay.max / 1e6 // broker, handlers and devices share this process, which may notice a signal late
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100 - late)
  expect(arrived.at(-1)! - arrived[0]!).toBeGreaterThanOrEqual(11 * 100 - late)
  const places = (await dora.unread()).flatMap(({ event, body }) =>
    event === 'signal' ? [(body as { sdpMLineIndex: number }).sdpMLineIndex] : [],
  )
  for (const d of [0, 1, 2]) {
    expect(places.filter((place) => Math.floor(place / 10) === d)).toEqual([0, 1, 2, 3].map((i) => 10 * d + i))
  }
})

test('a burst beyond the bound is refused, and what was relayed still arrives', async () => {
  const [finn, gus] = await pair('finn', 'gus')
  const all = Array.from({ length: 40 }, () =>
    finn.asks('signal', { target: 'gus', type: 'candidate', body: CANDIDATE }),
  )
  const answers = await Promise.all(all)
  const relayed = answers.filter(({ event }) => event === 'signal_relayed')
  const refused = answers.filter(({ code }) => code === 'rate_limited')
  expect(relayed.length + refused.length).toBe(40)
  expect(refused.length).toBeGreaterThan(0)
  expect(relayed.length).toBeGreaterThanOrEqual(16)
  expect(refused[0]).toMatchObject({ retry_after_ms: expect.any(Number) })
  await gus.hears('signal', relayed.length)
  expect((await gus.unread()).filter(({ event }) => event === 'signal')).toHaveLength(relayed.length)
})

test('a sender who floods keeps nobody else from the receiver: senders take turns', async () => {
  const [hans, jill, kurt] = [await stage.device('hans'), await stage.device('jill'), await stage.device('kurt')]
  for (const by of [hans, jill]) await befriend(by, kurt)
  const sends = (by: Device, times: number) =>
    Promise.all(
      Array.from({ length: times }, (_, i) =>
        by.asks('signal', { target: 'kurt', type: 'candidate', body: { ...CANDIDATE, sdpMLineIndex: i } }),
      ),
    )
  const refused = (await sends(hans, 40)).filter(({ code }) => code === 'rate_limited')
  expect(refused.length).toBeGreaterThan(0)
  const answers = await sends(jill, 10)
  expect(answers.filter(({ event }) => event !== 'signal_relayed')).toEqual([])
  const relayed = 40 - refused.length + 10
  await kurt.hears('signal', relayed)
  const heard = (await kurt.unread()).filter(({ event }) => event === 'signal')
  const jills = heard.flatMap(({ origin, body }, i) => (origin === 'jill' ? [{ i, body }] : []))
  expect(jills.map(({ body }) => (body as typeof CANDIDATE).sdpMLineIndex)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  const gaps = jills.slice(1).map(({ i }, n) => i - jills[n]!.i)
  expect(gaps.filter((gap) => gap > 2)).toEqual([]) // at most one signal of the other sender between two of hers
})

test('what was relayed arrives even when the clock is set forward by an hour', async () => {
  const [liz, moe] = await pair('liz', 'moe')
  const all = Array.from({ length: 8 }, () => liz.asks('signal', { target: 'moe', type: 'candidate', body: CANDIDATE }))
  const relayed = (await Promise.all(all)).filter(({ event }) => event === 'signal_relayed')
  const clock = Date.now
  const later = jest.spyOn(Date, 'now').mockImplementation(() => clock() + 3_600_000)
  await moe.hears('signal', relayed.length)
  later.mockRestore()
  expect(relayed).toHaveLength(8)
})

test('an offline target is answered at once, and a blocker alike; neither hears anything, then or later', async () => {
  const [hal, ida] = await pair('hal', 'ida')
  const kept = { clientId: 'phone', mqtt: { clean: false, properties: { sessionExpiryInterval: 600 } } }
  await ida.leaves()
  await (await stage.device('ida', kept)).leaves()
  const gone = await offers(hal, 'ida')
  expect(gone).toMatchObject({ code: 'offline', command: 'signal' })
  const back = await stage.device('ida', kept)
  expect(await back.unread()).toEqual([])
  await back.asks('block_user', { user_id: 'hal' })
  await back.unread()
  const blocked = await offers(hal, 'ida')
  const bare = (one: object): object => ({ ...one, re: '', at: '', event_seq: 0 })
  expect(bare(blocked)).toEqual(bare(gone))
  // Because of the block ida is told that hal is offline, perhaps only now.
  expect((await back.unread()).filter(({ event }) => event !== 'user_offline')).toEqual([])
})

test('another client of the callee continues a call only once the client that answered has gone', async () => {
  const [tess, uwe] = await pair('tess', 'uwe')
  const tablet = await stage.device('uwe', { clientId: 'tablet' })
  await offers(tess, 'uwe', 'c1')
  await signals(uwe, 'tess', 'answer', 'c1')
  await tess.receives('signal')
  await offers(tess, 'uwe', 'c1') // restarts ICE
  expect(await signals(tablet, 'tess', 'answer', 'c1')).toMatchObject({ code: 'conflict' })
  await uwe.leaves()
  const back = await stage.device('uwe', { clientId: 'anew' })
  for (const one of [tess, back, tablet]) await one.unread()
  expect(await signals(back, 'tess', 'answer', 'c1')).toMatchObject({ event: 'signal_relayed' })
  await tess.receives('signal')
  expect(await tess.unread()).toEqual([]) // for the caller nothing has changed
  for (const one of [back, tablet]) {
    expect(await one.receives('call_changed')).toMatchObject({ call_id: 'c1', state: 'answered', client_id: 'anew' })
  }
  expect(await signals(tablet, 'tess', 'answer', 'c1')).toMatchObject({ code: 'conflict' })
  await signals(tess, 'uwe', 'bye', 'c1')
  expect(await back.receives('call_changed')).toMatchObject({ state: 'ended' })
})

test('two users who call each other with the same call_id at once are in one call, and either may answer', async () => {
  const [rita, sam] = await pair('rita', 'sam')
  const sams = await stage.device('sam', { clientId: 'tablet' })
  await offers(rita, 'sam', 'c1')
  expect(await offers(sam, 'rita', 'c1')).toMatchObject({ event: 'signal_relayed' })
  for (const device of [rita, sam, sams]) {
    expect(await device.receives('call_changed')).toMatchObject({ call_id: 'c1', state: 'ringing' })
    expect(await device.receives('call_changed')).toMatchObject({ call_id: 'c1', state: 'answered' })
  }
  expect(await signals(sams, 'rita', 'answer', 'c1')).toMatchObject({ code: 'conflict' }) // it no longer rings
  for (const [by, other] of [
    [rita, sam],
    [sam, rita],
  ] as const) {
    expect(await signals(by, other.user, 'answer', 'c1')).toMatchObject({ event: 'signal_relayed' })
    expect(await other.receives('signal')).toMatchObject({ type: 'offer' })
    expect(await other.receives('signal')).toMatchObject({ type: 'answer' })
  }
})

test('a call to an offline user is missed at once, and waits for their device; a blocker never hears of it', async () => {
  const [pia, quin] = await pair('pia', 'quin')
  const kept = { clientId: 'phone', mqtt: { clean: false, properties: { sessionExpiryInterval: 600 } } }
  await quin.leaves()
  await (await stage.device('quin', kept)).leaves()
  const calls = async (call_id: string) => {
    const answer = await offers(pia, 'quin', call_id)
    const changes = [await pia.receives('call_changed'), await pia.receives('call_changed')]
    return [answer, ...changes].map(({ re: _re, at: _at, call_id: _id, event_seq: _seq, ...rest }) => rest)
  }
  const gone = await calls('c1')
  expect(gone).toMatchObject([{ code: 'offline' }, { state: 'ringing' }, { with: 'quin', state: 'missed' }])
  const back = await stage.device('quin', kept)
  expect((await back.unread()).map(({ state, call_id }) => [call_id, state])).toEqual([
    ['c1', 'ringing'],
    ['c1', 'missed'],
  ])
  await back.asks('block_user', { user_id: 'pia' })
  await back.unread()
  expect(await calls('c2')).toEqual(gone)
  // Because of the block quin is told that pia is offline, perhaps only now.
  expect((await back.unread()).filter(({ event }) => event !== 'user_offline')).toEqual([])
  expect(await back.asks('get_call_list')).toMatchObject({ calls: [{ call_id: 'c1', with: 'pia', state: 'missed' }] })
})

test('a call rings on every device; one answers, and the others stop ringing', async () => {
  const [lea, max] = await pair('lea', 'max')
  const maxs = await stage.device('max', { clientId: 'tablet' })
  await offers(lea, 'max', 'c1')
  expect(await lea.receives('call_changed')).toMatchObject({
    call_id: 'c1',
    with: 'max',
    direction: 'out',
    state: 'ringing',
  })
  for (const device of [max, maxs]) {
    expect(await device.receives('call_changed')).toMatchObject({ call_id: 'c1', direction: 'in', state: 'ringing' })
  }
  await signals(max, 'lea', 'ringing', 'c1')
  await signals(maxs, 'lea', 'answer', 'c1')
  for (const device of [max, maxs]) {
    expect(await device.receives('call_changed')).toMatchObject({ state: 'answered', client_id: 'tablet' })
  }
  const told = await lea.receives('call_changed')
  expect(told).toMatchObject({ state: 'answered' })
  expect(told).not.toHaveProperty('client_id')
  expect(await signals(max, 'lea', 'answer', 'c1')).toMatchObject({ code: 'conflict' })
  expect(await signals(max, 'lea', 'decline', 'c1')).toMatchObject({ code: 'conflict' })
  expect(await offers(lea, 'max', 'c1')).toMatchObject({ event: 'signal_relayed' }) // renegotiates
  await signals(max, 'lea', 'bye', 'c1')
  expect(await lea.receives('call_changed')).toMatchObject({ state: 'ended' })
  expect(await signals(lea, 'max', 'candidate', 'c1')).toMatchObject({ code: 'conflict' })
})
