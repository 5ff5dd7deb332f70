import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { inTime, TimedOut } from './time-limit.ts'

/** Blocks this thread. */
function computes(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

test('resolves with a result in time, and rejects as the run rejects', async () => {
  expect(await inTime(10_000, () => 7)).toBe(7)
  expect(await inTime(10_000, async () => 7)).toBe(7)
  await expect(inTime(10_000, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  await expect(
    inTime(10_000, () => {
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
})

test('times out a run that never ends, or that computes for too long', async () => {
  await expect(inTime(10, () => new Promise(() => {}))).rejects.toThrow(TimedOut)
  await expect(inTime(10, () => computes(50))).rejects.toThrow(TimedOut)
})

test('does not count the time in which another run computes', async () => {
  const patient = inTime(1_000, () => pause(1).then(() => 'done'))
  const late = inTime(1_000, () => new Promise(() => {}))
  await expect(inTime(60_000, () => computes(1_500))).resolves.toBeUndefined()
  expect(await patient).toBe('done')
  await expect(late).rejects.toThrow(TimedOut)
})
