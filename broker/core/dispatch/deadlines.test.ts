import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { commandName } from '../../../shared/wire/topic.ts'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import { Deadlines } from './deadlines.ts'
import { Job } from './job.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

function jobOf(order: number): Job {
  const [user, name] = [userIdOf('alice'), commandName('act')]
  return new Job({ order, user, name, expiresAt: undefined, stored: true }, 'g', 0)
}

test('calls for each deadline when it passes, and for none that was cleared, with one timer for all', () => {
  const called: number[] = []
  const due = (job: Job): void => void called.push(job.order)
  const deadlines = new Deadlines(
    due,
    () => Infinity,
    () => {},
  )
  const jobs = Array.from({ length: 200 }, (_, i) => jobOf(i))
  const times = jobs.map((_, i) => ((i * 7_919) % 997) + 1)
  const began = performance.now()
  for (const [i, job] of jobs.entries()) deadlines.set(job, began + 5_000 + i)
  for (const [i, job] of jobs.entries()) deadlines.set(job, began + times[i]!) // the last counts
  for (const [i, job] of jobs.entries()) if (i % 3 === 0) deadlines.clear(job)
  expect(jest.getTimerCount()).toBe(1)
  jest.advanceTimersByTime(500)
  const expected = jobs.map(({ order }) => order).filter((i) => i % 3 !== 0)
  const byTime = expected.toSorted((a, b) => times[a]! - times[b]!)
  expect(called).toEqual(byTime.filter((i) => times[i]! <= 500))
  jest.advanceTimersByTime(10_000)
  expect(called).toEqual(byTime)
  expect(jest.getTimerCount()).toBe(0)
})

test('calls `look` when that is due, and not after it is closed', () => {
  let [next, looked] = [performance.now() + 100, 0]
  const deadlines = new Deadlines(
    () => {},
    () => next,
    () => {
      looked++
      next += 100
    },
  )
  deadlines.wakeBy(next)
  jest.advanceTimersByTime(350)
  expect(looked).toBe(3)
  deadlines.close()
  deadlines.set(jobOf(1), performance.now() + 1)
  jest.advanceTimersByTime(1_000)
  expect(looked).toBe(3)
})
