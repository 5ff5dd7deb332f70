import { expect, test } from '@jest/globals'
import { compare, figuresOf, type Run } from './figures.ts'
import { keepRun } from './record.ts'
import { chart } from './chart.ts'
import { table } from './table.ts'

const run = (version: string, rounds: Run['rounds'], name = 'echo 50x4'): Run => ({
  name,
  unit: 'command',
  at: '2026-11-28T10:00:00.000Z',
  machine: { cpu: 'some', cores: 2, kernel: '6', node: 'v20.19.0', loadAverage: 0.1 },
  options: { devices: 50 },
  targets: [
    { name: 'switchboard', version, settings: {} },
    { name: 'mosquitto', version: 'Mosquitto 2.0.11', settings: {} },
  ].slice(0, rounds[0]!.length),
  rounds,
})

test('a lap is told by what is counted', () => {
  const lap = {
    seconds: 2,
    done: 100,
    heard: 1_000,
    latencies: { p50: 1, p95: 2, p99: 3 },
    lost: 1,
    unexpected: 2,
    refused: 4,
    cpu: { broker: 0.5, handlers: 0, generator: 0.2 },
  }
  expect(figuresOf(lap, 'heard', 70, false)).toEqual({
    perSecond: 500,
    brokerMicros: 500,
    p50: 1,
    p95: 2,
    p99: 3,
    megabytes: 70,
    brokerPercent: 25,
    generatorPercent: 10,
    faults: 7,
  })
  expect(figuresOf({ ...lap, cpu: { ...lap.cpu, handlers: 1 } }, 'done', 70, true)).toMatchObject({
    perSecond: 50,
    brokerMicros: 5_000,
    handlerMicros: 10_000,
  })
})

test('targets are compared within each round, and never across rounds', () => {
  const rounds = [
    [{ brokerMicros: 100 }, { brokerMicros: 50 }],
    [{ brokerMicros: 900 }, { brokerMicros: 300 }], // the machine was busy
    [{ brokerMicros: 100 }, { brokerMicros: 25 }],
  ]
  expect(compare(run('Node v20.1.0', rounds))).toEqual([
    { name: 'brokerMicros', medians: [100, 50], ratio: { median: 3, min: 2, max: 4 } },
  ])
})

test('one target alone is compared with nothing', () => {
  expect(compare(run('Node v20.1.0', [[{ p50: 1 }], [{ p50: 3 }]]))).toEqual([
    { name: 'p50', medians: [2], ratio: undefined },
  ])
})

test('a run takes the place of the last of its scenario at the same major version of Node', () => {
  const rounds = [[{ p50: 1 }, { p50: 1 }]]
  const [old, other, now] = [run('Node v20.1.0', rounds), run('Node v24.1.0', rounds), run('Node v20.2.0', rounds)]
  expect(keepRun([old, other], now)).toEqual([now, other])
  expect(keepRun([old], run('Node v20.2.0', rounds, 'connect'))).toHaveLength(2)
})

test('a table has a line for each figure, with the ratio and its spread', () => {
  const lines = table(run('Node v20.1.0', [[{ perSecond: 3_000 }, { perSecond: 12_000 }]])).split('\n')
  expect(lines.map((line) => line.trim().split(/\s{2,}/))).toContainEqual([
    'commands per second',
    '3,000',
    '12,000',
    '0.25',
    '0.25',
    '0.25',
  ])
})

test('a table says that others kept the machine busy', () => {
  const quiet = run('Node v20.1.0', [[{ p50: 1 }, { p50: 1 }]])
  const busy = { ...quiet, machine: { ...quiet.machine, loadAverage: 7 } }
  expect([table(quiet), table(busy)].map((text) => text.includes('load average 7.00 on 2 cores'))).toEqual([
    false,
    true,
  ])
})

test('the chart has a bar for each run that stands beside Mosquitto', () => {
  const both = run('Node v20.1.0', [[{ brokerMicros: 100 }, { brokerMicros: 50 }]])
  const alone = run('Node v20.1.0', [[{ brokerMicros: 100 }]], 'soak')
  const svg = chart([both, alone])
  expect(svg.match(/class="bar"/g)).toHaveLength(1)
  expect(svg).toContain('2.0 x: 100 and 50 µs per command')
  expect(svg).toContain('prefers-color-scheme: dark')
})
