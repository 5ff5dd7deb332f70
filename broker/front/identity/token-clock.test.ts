import { expect, test } from '@jest/globals'
import { TokenClock } from './token-clock.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 0, 1)

/** A machine whose clock somebody sets. */
function clockOf(): { clock: TokenClock; passes: (ms: number) => void; isSet: (ms: number) => void } {
  let [steady, set] = [0, 0]
  const clock = new TokenClock({ wall: () => START + steady + set, steady: () => steady })
  return { clock, passes: (ms) => (steady += ms), isSet: (ms) => (set += ms) }
}

test.each([HOUR, -HOUR])(
  'a machine whose clock is set by %i ms goes on in its old time, and follows after an hour',
  (by) => {
    const { clock, passes, isSet } = clockOf()
    isSet(by)
    passes(1_000)
    expect(clock.now()).toBe(START + 1_000)
    expect(clock.latest()).toBe(START + 1_000 + Math.max(by, 0))
    passes(HOUR)
    expect(clock.now()).toBe(START + HOUR + 1_000 + by)
  },
)

test('a clock that is corrected before an hour is over has not jumped', () => {
  const { clock, passes, isSet } = clockOf()
  isSet(HOUR)
  expect(clock.now()).toBe(START)
  isSet(-HOUR)
  passes(HOUR)
  expect(clock.now()).toBe(START + HOUR)
  isSet(HOUR)
  expect(clock.now()).toBe(START + HOUR)
})

test('follows the clock at once when the machine has slept for a day', () => {
  const { clock, isSet } = clockOf()
  isSet(24 * HOUR)
  expect(clock.now()).toBe(START + 24 * HOUR)
})

test('follows a clock that drifts', () => {
  const { clock, passes, isSet } = clockOf()
  for (let i = 0; i < 100; i++) {
    passes(60_000)
    isSet(500)
    clock.now()
  }
  expect(clock.now()).toBe(START + 100 * 60_500)
})
