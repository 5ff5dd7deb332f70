import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import type { Board } from './board.ts'
import { IceServers } from './ice-servers.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

/** A platform that gives credentials for an hour, or refuses with a code. */
function platform(code?: string) {
  const given: number[] = []
  const call = (): Promise<object> => {
    given.push(Date.now())
    if (code !== undefined) return Promise.reject(Object.assign(new Error(code), { code }))
    return Promise.resolve({ ttl: 3_600, ice_servers: [{ urls: ['turn:x'], username: `u${given.length}` }] })
  }
  return { given, board: { call } as unknown as Pick<Board, 'call'> }
}

test('credentials are asked for once, renewed before they end while there is a call, and then no more', async () => {
  const { given, board } = platform()
  const ice = new IceServers(board)
  await Promise.all([ice.ready(), ice.ready()])
  await ice.ready()
  expect(ice.config().iceServers).toMatchObject([{ username: 'u1' }])
  const renewed: RTCIceServer[][] = []
  const stop = ice.onRenewed((servers) => renewed.push(servers))
  await jest.advanceTimersByTimeAsync(3_299_000)
  expect(given).toHaveLength(1)
  await jest.advanceTimersByTimeAsync(2_000)
  expect(renewed).toMatchObject([[{ username: 'u2' }]])
  stop()
  expect(jest.getTimerCount()).toBe(0)
})

test.each(['unavailable', 'rate_limited'])('without credentials (%s) a call begins all the same', async (code) => {
  const { given, board } = platform(code)
  const ice = new IceServers(board)
  await ice.ready()
  expect(ice.config().iceServers).toEqual([])
  await ice.ready()
  expect(given).toHaveLength(1)
})

test('a platform that does not answer holds up no call; the credentials are passed on when they come', async () => {
  let answer: (given: object) => void
  const call = (): Promise<object> => new Promise((resolve) => (answer = resolve))
  const ice = new IceServers({ call } as unknown as Pick<Board, 'call'>)
  const ready = ice.ready()
  await jest.advanceTimersByTimeAsync(5_000)
  await ready
  const renewed: RTCIceServer[][] = []
  const stop = ice.onRenewed((servers) => renewed.push(servers))
  answer!({ ttl: 60, ice_servers: [{ urls: ['turn:x'] }] })
  await jest.advanceTimersByTimeAsync(0)
  expect(renewed).toHaveLength(1)
  stop()
  expect(jest.getTimerCount()).toBe(0)
})
