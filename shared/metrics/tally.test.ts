import { expect, test } from '@jest/globals'
import { Histogram, Registry } from 'prom-client'
import { Durations, Tally } from './tally.ts'

const BOUNDS = [0.001, 0.005, 2, 600]

test('a tally reports each value with its count, the same at every scrape', async () => {
  const registry = new Registry()
  const tally = new Tally({ name: 'acts_total', help: 'Acts', label: 'command', registry })
  for (const value of ['sing', 'dance', 'sing']) tally.add(value)
  const told =
    '# HELP acts_total Acts\n# TYPE acts_total counter\nacts_total{command="sing"} 2\nacts_total{command="dance"} 1\n'
  expect(await registry.metrics()).toBe(told)
  expect(await registry.metrics()).toBe(told)
})

test('durations are reported exactly as a prom-client histogram reports them', async () => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const durations = new Durations({ name: 'act_seconds', help: 'Acts', label: 'command', registry: ours }, BOUNDS)
  const histogram = new Histogram({
    name: 'act_seconds',
    help: 'Acts',
    labelNames: ['command'],
    buckets: BOUNDS,
    registers: [theirs],
  })
  for (const [command, seconds] of [
    ['sing', 0],
    ['sing', 0.001],
    ['dance', 0.002],
    ['sing', 1.5],
    ['sing', 601],
  ] as const) {
    durations.took(command, seconds)
    histogram.observe({ command }, seconds)
  }
  expect(await ours.metrics()).toBe(await theirs.metrics())
  expect(await ours.getMetricsAsJSON()).toEqual(await theirs.getMetricsAsJSON())
})

test('a histogram without a label is reported before anything is observed, and as prom-client reports it afterwards', async () => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const named = { name: 'batch_units', help: 'Units' }
  const sizes = new Durations({ ...named, registry: ours }, [1, 10])
  const histogram = new Histogram({ ...named, buckets: [1, 10], registers: [theirs] })
  expect(await ours.metrics()).toBe(await theirs.metrics())
  for (const size of [1, 2, 50]) {
    sizes.took('', size)
    histogram.observe(size)
  }
  expect(await ours.metrics()).toBe(await theirs.metrics())
})
