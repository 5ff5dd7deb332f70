import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { inTime, TimedOut } from './time-limit.ts'

/** Holds up this thread. */
function computes(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

test('ends with what was made in time, or fails as that failed', async () => {
  expect(await inTime(10_000, () => 7)).toBe(7)
  expect(await inTime(10_000, async () => 7)).toBe(7)
  await expect(inTime(10_000, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  await expect(
    inTime(10_000, () => {
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
})

test('what never ends, or computes for too long, has timed out', async () => {
  await expect(inTime(10, () => new Promise(() => {}))).rejects.toThrow(TimedOut)
  await expect(inTime(10, () => computes(50))).rejects.toThrow(TimedOut)
})

test('the time in which another computes is not counted', async () => {
  const patient = inTime(1_000, () => pause(1).then(() => 'done'))
  const late = inTime(1_000, () => new Promise(() => {}))
  await expect(inTime(60_000, () => computes(1_500))).resolves.toBeUndefined()
  expect(await patient).toBe('done')
  await expect(late).rejects.toThrow(TimedOut)
})
