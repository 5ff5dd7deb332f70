import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { KEEPALIVE, Lease } from './lease.ts'

let asked: number
let lease: Lease
beforeEach(() => {
  jest.useFakeTimers()
  asked = 0
  lease = new Lease(async () => {
    asked++
  })
})
afterEach(() => {
  lease.close()
  jest.useRealTimers()
})

test('is held without a word while the broker is heard and the clock goes on', async () => {
  for (let i = 0; i < 10; i++) {
    jest.advanceTimersByTime(KEEPALIVE * 1_000)
    lease.heard()
    await lease.renew()
  }
  expect(asked).toBe(0)
})

test('is asked for after a silence, before the broker would have given it up', async () => {
  jest.advanceTimersByTime(KEEPALIVE * 1_400)
  await lease.renew()
  expect(asked).toBe(1)
  await lease.renew()
  expect(asked).toBe(1)
})

test('is asked for when the process stood still, though its timers have fired since', async () => {
  const stood = performance.now() + 3_000
  const now = jest.spyOn(performance, 'now').mockImplementation(() => stood)
  jest.advanceTimersToNextTimer() // the tick that comes late
  await lease.renew()
  expect(asked).toBe(1)
  now.mockRestore()
})

test('is lost when the broker does not answer on the same connection', async () => {
  const lost = new Lease(() => Promise.reject(new Error('closed')))
  jest.advanceTimersByTime(KEEPALIVE * 1_400)
  await expect(lost.renew()).rejects.toThrow('closed')
  lost.close()
})
