import { expect, test } from '@jest/globals'
import type { Figures, Run } from '../load/figures.ts'
import { worseThanRecorded } from './load-figures.ts'

const run = (ours: Figures, theirs: Figures, version = 'Node v20.1.0'): Run => ({
  name: 'echo 50x4',
  unit: 'command',
  at: '2026-11-28T10:00:00.000Z',
  machine: { cpu: 'some', cores: 2, kernel: '6', node: 'v20.19.0', loadAverage: 0.1 },
  options: {},
  targets: [
    { name: 'switchboard', version, settings: {} },
    { name: 'mosquitto', version: 'Mosquitto 2.0.11', settings: {} },
  ],
  rounds: [[ours, theirs]],
})
const recorded = run({ perSecond: 1_000, brokerMicros: 400 }, { perSecond: 10_000, brokerMicros: 40 })

test('a slower machine is not worse if Mosquitto is slower by as much', () => {
  const now = run({ perSecond: 300, brokerMicros: 1_300 }, { perSecond: 3_000, brokerMicros: 130 })
  expect(worseThanRecorded([recorded], now)).toEqual([])
})

test('reports a ratio to Mosquitto that is over 15 % worse, with both ratios', () => {
  const now = run({ perSecond: 1_000, brokerMicros: 480 }, { perSecond: 10_000, brokerMicros: 40 })
  expect(worseThanRecorded([recorded], now)).toEqual([
    "echo 50x4: broker CPU, µs per command: 12.00 x Mosquitto's (12.00 to 12.00), recorded 10.00 x Mosquitto's (10.00 to 10.00): 20 % worse\n",
  ])
  const slower = run({ perSecond: 800, brokerMicros: 400 }, { perSecond: 10_000, brokerMicros: 40 })
  expect(worseThanRecorded([recorded], slower)).toEqual([expect.stringMatching(/commands per second.*: 25 % worse/)])
})

test('does not report a ratio within 15 %, or a better one', () => {
  const now = run({ perSecond: 900, brokerMicros: 100 }, { perSecond: 10_000, brokerMicros: 40 })
  expect(worseThanRecorded([recorded], now)).toEqual([])
})

test('does not compare with a record of another major version of Node', () => {
  expect(worseThanRecorded([recorded], run({}, {}, 'Node v24.1.0'))).toEqual([
    'echo 50x4: nothing is recorded for Node v24.1.0\n',
  ])
})
