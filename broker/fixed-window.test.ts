import { expect, test } from '@jest/globals'
import { FixedWindow } from './fixed-window.ts'

/** Turns the clock that windows go by. */
function at(ms: number, run: () => void): void {
  const { now } = performance
  performance.now = () => ms
  try {
    run()
  } finally {
    performance.now = now
  }
}

test('counts by key until the window of that key is over', () => {
  const windows = new FixedWindow(10_000)
  at(0, () => expect(windows.add('a', 3)).toEqual({ count: 3, leftMs: 10_000 }))
  at(5_000, () => expect(windows.add('b', 1)).toEqual({ count: 1, leftMs: 10_000 }))
  at(9_999, () => expect(windows.add('a', 2)).toEqual({ count: 5, leftMs: 1 }))
  at(10_000, () => expect(windows.add('a', 1)).toEqual({ count: 1, leftMs: 10_000 }))
  at(10_000, () => expect(windows.add('b', 1)).toEqual({ count: 2, leftMs: 5_000 }))
})

test('windows that are over do not pile up', () => {
  const windows = new FixedWindow(1_000)
  for (let i = 0; i < 10_000; i++) at(i, () => windows.add(`user ${i}`, 1))
  expect(windows.size).toBeLessThan(1_100)
})
