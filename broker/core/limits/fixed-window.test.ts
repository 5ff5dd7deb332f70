import { expect, test } from '@jest/globals'
import { FixedWindow } from './fixed-window.ts'

let now = 0

test("counts by key until that key's window ends", () => {
  const windows = new FixedWindow(10_000, () => now)
  const add = (at: number, key: string, by: number) => {
    now = at
    return windows.add(key, by)
  }
  expect(add(0, 'a', 3)).toEqual({ count: 3, leftMs: 10_000 })
  expect(add(5_000, 'b', 1)).toEqual({ count: 1, leftMs: 10_000 })
  expect(add(9_999, 'a', 2)).toEqual({ count: 5, leftMs: 1 })
  expect(add(10_000, 'a', 1)).toEqual({ count: 1, leftMs: 10_000 })
  expect(add(10_000, 'b', 1)).toEqual({ count: 2, leftMs: 5_000 })
})

test('a window can be made to last longer, never shorter', () => {
  const windows = new FixedWindow(10_000, () => now)
  now = 0
  windows.add('a', 1)
  expect(windows.extend('a', 500)).toBe(10_000)
  now = 9_900
  expect(windows.extend('a', 500)).toBe(500)
  now = 10_399
  expect(windows.add('a', 1)).toEqual({ count: 2, leftMs: 1 })
  now = 10_400
  expect(windows.add('a', 1)).toEqual({ count: 1, leftMs: 10_000 })
})

test('ended windows do not pile up', () => {
  const windows = new FixedWindow(1_000, () => now)
  for (now = 0; now < 10_000; now++) windows.add(`user ${now}`, 1)
  expect(windows.size).toBeLessThan(1_100)
})
