import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import type { Board } from './board.ts'
import type { Call } from './call.ts'
import { Calls } from './calls.ts'

// What a device does with the news of calls, before there are media. Calls with media: test/slow/in-browser/calls.test.ts

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

const OFFER = {
  event: 'signal',
  at: '',
  origin: 'bob',
  type: 'offer',
  body: { sdp: 'v=0' },
  call_id: 'c1',
  polite: true,
}
const change = (state: string, more: object = {}): object => ({
  event: 'call_changed',
  at: '',
  call_id: 'c1',
  with: 'bob',
  direction: 'in',
  state,
  ...more,
})

/** A device whose platform answers with these calls. */
function device(list: object[] = []) {
  const handlers = new Map<string, Set<(event: never) => void>>()
  const sent: [name: string, fields: object][] = []
  const board = {
    clientId: 'phone',
    call: async (name: string, fields: object) => {
      sent.push([name, fields])
      return { calls: list }
    },
    on: (name: string, handler: (event: never) => void) => {
      const all = handlers.get(name) ?? new Set()
      handlers.set(name, all.add(handler))
      return () => void all.delete(handler)
    },
  } as unknown as Board
  const refuse = (): never => {
    throw Object.assign(new Error('refused'), { name: 'NotAllowedError' })
  }
  const openStream = () => ({ getTracks: () => [], addTrack: () => {} }) as unknown as MediaStream
  const calls = new Calls(board, { environment: { getUserMedia: async () => refuse(), openStream } })
  const rung: Call[] = []
  calls.on('incoming', (call) => rung.push(call))
  const hears = (event: object): void => {
    for (const handler of handlers.get((event as { event: string }).event) ?? []) handler(event as never)
  }
  const listeners = (): number => [...handlers.values()].reduce((sum, all) => sum + all.size, 0)
  return { calls, rung, hears, sent, listeners }
}

test('a call rings once its offer and its news are there, in either order, and once', () => {
  for (const order of [
    [OFFER, change('ringing'), OFFER],
    [change('ringing'), OFFER, OFFER],
  ]) {
    const { rung, hears } = device()
    for (const event of order) hears(event)
    expect(rung.map(({ user, id, direction, state }) => [user, id, direction, state])).toEqual([
      ['bob', 'c1', 'in', 'ringing'],
    ])
  }
})

test('a call that is over does not ring when its offer comes late', () => {
  const { rung, hears } = device()
  hears(change('ringing'))
  hears(change('cancelled'))
  hears(OFFER)
  expect(rung).toEqual([])
})

test('an offer without news is looked up: it rings if the call does, and not if it was answered before this device came', async () => {
  for (const [state, count] of [
    ['ringing', 1],
    ['answered', 0],
  ] as const) {
    const { rung, hears, sent } = device([change(state, { client_id: 'tablet' })])
    hears(OFFER)
    expect(rung).toEqual([])
    await jest.advanceTimersByTimeAsync(2_000)
    expect(sent.map(([name]) => name)).toEqual(['get_call_list'])
    expect(rung).toHaveLength(count)
  }
})

test('an incoming call ends when another device answers, and tells why', () => {
  const { rung, hears, calls } = device()
  hears(change('ringing'))
  hears(OFFER)
  const states: string[] = []
  rung[0]!.on('state', (state) => states.push(state))
  hears(change('answered', { client_id: 'tablet' }))
  expect([rung[0]!.end?.code, states, calls.active]).toEqual(['answered_elsewhere', ['ended'], []])
})

test('a refused camera is told in words, and the call goes on ringing', async () => {
  const { rung, hears, calls } = device()
  hears(change('ringing'))
  hears(OFFER)
  for (let i = 0; i < 2; i++) {
    await expect(rung[0]!.answer({ video: true })).rejects.toMatchObject({
      code: 'no_permission',
      message: expect.stringContaining('camera'),
    })
  }
  expect(rung[0]!.state).toBe('ringing')
  await expect(calls.dial('eve', { audio: true })).rejects.toMatchObject({ code: 'no_permission' })
  await expect(calls.dial('eve', { audio: true }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'aborted',
  })
})

test('without WebRTC a call says so', async () => {
  const { calls } = device()
  await expect(calls.dial('bob', {})).rejects.toMatchObject({ code: 'unsupported' })
  expect(calls.active).toEqual([])
})

test('a declined call is told to the platform; nothing is left once the board is closed', async () => {
  const { rung, hears, calls, sent, listeners } = device()
  hears(change('ringing'))
  hears(OFFER)
  await rung[0]!.decline()
  expect(sent).toEqual([['signal', { target: 'bob', type: 'decline', call_id: 'c1' }]])
  hears({ ...OFFER, call_id: 'c2' })
  await calls.close()
  expect([listeners(), jest.getTimerCount(), calls.active]).toEqual([0, 0, []])
})
