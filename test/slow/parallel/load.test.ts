import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Run as Measured } from '../../../tools/load/figures.ts'
import { Run } from '../../process.ts'

// npm run load, with real processes. Checks counts, never durations.

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'switchboard-load-test-'))
})
afterAll(() => rmSync(dir, { recursive: true }))

test('in the load test every command is answered once, and it reports the cost', async () => {
  const file = join(dir, 'figures.json')
  const options = ['--devices', '5', '--in-flight', '2', '--rounds', '1', '--seconds', '1', '--warm-up', '50']
  const load = new Run(['tools/load.ts', 'echo', ...options, '--only', 'switchboard', '--json', file])
  load.ready.catch(() => {}) // the process never reports ready
  expect([await load.ended, load.stderr]).toEqual([0, expect.stringContaining('echo 5x2: switchboard: ')])
  const { runs } = JSON.parse(readFileSync(file, 'utf8')) as { runs: Measured[] }
  expect(runs).toMatchObject([{ name: 'echo 5x2', unit: 'command', targets: [{ name: 'switchboard' }] }])
  const [[figures] = []] = runs[0]!.rounds
  expect(figures).toMatchObject({ faults: 0 })
  for (const name of ['perSecond', 'brokerMicros', 'p50', 'megabytes'] as const) {
    expect([name, figures![name]! > 0]).toEqual([name, true])
  }
  expect(load.stdout).toContain('broker CPU, µs per command')
})
