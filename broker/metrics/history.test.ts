import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from '@jest/globals'
import { openHistory, type History } from './history.ts'
import { openMetrics } from './metrics.ts'
import { quantile } from './readings.ts'

let history: History
afterEach(() => history.close())

test('keeps samples of rates, percentiles and queues, and reads them from the metrics', async () => {
  const metrics = openMetrics()
  history = await openHistory(metrics.registry, () => [{ group: 'works', commands: 3, oldest_s: 1.5 }], 5)
  for (let i = 0; i < 100; i++) {
    metrics.accepted.add('do_work')
    metrics.ended.took('do_work', 0.01)
  }
  metrics.connections.inc({ kind: 'device' })
  const found = () => history.after(0).find(({ ended }) => ended > 0)
  while (!found()) await pause(5)
  expect(found()).toMatchObject({
    accepted: expect.any(Number),
    p50_ms: expect.any(Number),
    connections: { device: 1 },
    queues: [{ group: 'works', commands: 3, oldest_s: 1.5 }],
  })
  expect(found()!.accepted).toBeGreaterThan(0)
  expect(history.after(Date.now() + 1)).toEqual([])
})

test('rates of now are by command', async () => {
  const metrics = openMetrics()
  history = await openHistory(metrics.registry, () => [], 60_000)
  metrics.ended.took('do_work', 0.01)
  expect((await history.now()).commands).toEqual([
    { command: 'do_work', ended: expect.any(Number), p50_ms: 12.5, p99_ms: 19.85 },
  ])
})

test('a percentile is interpolated within its bucket; without durations there is none', async () => {
  history = await openHistory(openMetrics().registry, () => [], 60_000)
  expect(quantile(0.5, new Map())).toBeUndefined()
  expect(
    quantile(
      0.5,
      new Map([
        [1, 0],
        [Infinity, 0],
      ]),
    ),
  ).toBeUndefined()
  expect(
    quantile(
      0.5,
      new Map([
        [1, 5],
        [3, 10],
        [Infinity, 10],
      ]),
    ),
  ).toBe(1)
  expect(
    quantile(
      0.75,
      new Map([
        [1, 5],
        [3, 10],
        [Infinity, 10],
      ]),
    ),
  ).toBe(2)
  expect(
    quantile(
      0.99,
      new Map([
        [1, 5],
        [3, 5],
        [Infinity, 10],
      ]),
    ),
  ).toBe(3) // longer than the last bound: no more is known
})
