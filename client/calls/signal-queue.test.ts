import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { SignalQueue } from './signal-queue.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

const refused = (code: string, retryAfterMs?: number): Error => Object.assign(new Error(code), { code, retryAfterMs })

test('a signal that cannot be passed on now is sent again, and what follows waits for it', async () => {
  const sent: string[] = []
  let isThere = false
  const queue = new SignalQueue(
    async (type) => {
      if (!isThere) throw refused('offline')
      sent.push(type)
    },
    () => true,
  )
  const all = Promise.all([queue.send('offer'), queue.send('candidate')])
  await jest.advanceTimersByTimeAsync(2_000)
  expect(sent).toEqual([])
  isThere = true
  await jest.advanceTimersByTimeAsync(5_000)
  await all
  expect(sent).toEqual(['offer', 'candidate'])
  expect(jest.getTimerCount()).toBe(0)
})

test('what is refused for good is told, and keeps nothing else from being sent', async () => {
  const queue = new SignalQueue(
    (type) => (type === 'offer' ? Promise.reject(refused('forbidden')) : Promise.resolve()),
    () => true,
  )
  const first = expect(queue.send('offer')).rejects.toMatchObject({ code: 'forbidden' })
  await Promise.all([first, queue.send('bye')])
})

test('while the call rings, a user who is away is told at once', async () => {
  const queue = new SignalQueue(
    () => Promise.reject(refused('offline')),
    (code) => code !== 'offline',
  )
  await expect(queue.send('offer')).rejects.toMatchObject({ code: 'offline' })
})

test('a closed queue drops what waits, and leaves no timer', async () => {
  let tries = 0
  const queue = new SignalQueue(
    () => {
      tries++
      return Promise.reject(refused('rate_limited', 3_000))
    },
    () => true,
  )
  const sent = Promise.all([queue.send('offer'), queue.send('candidate')])
  await jest.advanceTimersByTimeAsync(1_000)
  queue.close()
  await sent
  expect([tries, jest.getTimerCount()]).toEqual([1, 0])
})
