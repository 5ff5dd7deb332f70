import { beforeEach, expect, jest, afterEach, test } from '@jest/globals'
import { GRACE } from '../../wire/member.ts'
import { begin, claims } from './claim.ts'
import { Holdings } from './held.ts'
import { Pulse, TICK } from './pulse.ts'
import { Running } from './running.ts'

const ENDS_AFTER = 3_000
/** Milliseconds by which a tick may be late. */
const LATE = 2 * TICK
const SILENT = 60_000

let running: Running
/** Two groups of one process, with a connection each. */
let contacts: ReturnType<typeof connects>
let signaling: ReturnType<typeof connects>
beforeEach(() => {
  jest.useFakeTimers()
  running = new Running()
  contacts = connects({ short: 1_000, long: 20_000 })
  signaling = connects({ signal: 5_000 })
})
afterEach(() => {
  jest.useRealTimers()
})

let lastN = 0
function connects(limits: Record<string, number>) {
  const [held, pulse] = [new Holdings(), new Pulse()]
  const closes = running.add({ held, pulse, limits })
  return {
    held,
    pulse,
    closes,
    /** The main thread begins a delivery. */
    begins(name: string): number {
      const [n, states] = [++lastN, claims(1)]
      held.add({ n, name, command: `alice/${n}`, attempt: 1, timeoutMs: limits[name]!, claims: states, i: 0 })
      begin(states, 0)
      running.look()
      return n
    },
  }
}
function passes(ms: number): void {
  for (let at = 0; at < ms; at += TICK) {
    jest.advanceTimersByTime(TICK)
    running.look()
  }
}

test('only the limit of the command counts in whose beginning the thread computes', () => {
  contacts.begins('long')
  contacts.pulse.enter(contacts.begins('short'))
  passes(1_000 + GRACE - LATE)
  expect(running.stuck(SILENT)).toBeUndefined()
  passes(2 * LATE)
  expect(running.stuck(SILENT)).toMatchObject({ name: 'short', mustEnd: false })
  passes(ENDS_AFTER)
  expect(running.stuck(SILENT)).toMatchObject({ name: 'short', mustEnd: true })
})

test('while it is not known which command computes, all must have overrun their limits, in every group', () => {
  contacts.begins('short')
  signaling.begins('signal')
  passes(1_000 + GRACE + LATE)
  expect(running.stuck(SILENT)).toBeUndefined()
  passes(4_000 + LATE)
  expect(running.stuck(SILENT)).toMatchObject({ name: 'signal' })
})

test('a computing handler of one group is no fault of another group, whose commands wait', () => {
  signaling.begins('signal')
  contacts.pulse.enter(contacts.begins('long'))
  passes(5_000 + GRACE + LATE)
  expect(signaling.held.overrun(running.now, running.entered)).toEqual([])
  expect(running.stuck(SILENT)).toBeUndefined()
})

test('a command that has begun counts until it ends, even after its connection is lost', () => {
  const n = contacts.begins('short')
  contacts.held.letGo()
  contacts.pulse.enter(n)
  passes(1_000 + GRACE + LATE)
  expect(running.stuck(SILENT)).toMatchObject({ name: 'short' })
  contacts.pulse.enter(0)
  contacts.held.delete(n)
  expect([...contacts.held.allBegun()]).toEqual([])
})

test('with nothing begun, the thread may compute for as long as the longest limit of any group', () => {
  passes(30_000)
  expect(running.stuck(20_000 + GRACE - LATE)).toBeUndefined()
  expect(running.stuck(20_000 + GRACE + LATE)).toMatchObject({ name: undefined, mustEnd: false })
  contacts.closes()
  expect(running.stuck(5_000 + GRACE + LATE)).toMatchObject({ name: undefined })
})

test('the time in which the process is suspended as a whole does not count', () => {
  contacts.pulse.enter(contacts.begins('short'))
  jest.advanceTimersByTime(600_000)
  running.look()
  expect(running.stuck(SILENT)).toBeUndefined()
})
