import { expect, test } from '@jest/globals'
import { latencies, median, spread } from './statistics.ts'

test('percentiles are taken from the sorted values', () => {
  const values = Array.from({ length: 1_000 }, (_, i) => 999 - i)
  expect(latencies(values)).toEqual({ p50: 500, p95: 950, p99: 990 })
  expect(latencies([10, 9, 100])).toEqual({ p50: 10, p95: 100, p99: 100 }) // by value, not as text
  expect(latencies([])).toEqual({ p50: NaN, p95: NaN, p99: NaN })
})

test('the median is the middle, or the mean of the two in the middle', () => {
  expect(median([9, 1, 100])).toBe(9)
  expect(median([4, 1, 3, 100])).toBe(3.5)
})

test('a spread names the median and both ends', () => {
  expect(spread([0.2, 0.1, 0.4])).toEqual({ median: 0.2, min: 0.1, max: 0.4 })
})
