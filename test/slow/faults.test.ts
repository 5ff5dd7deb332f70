import { expect, test } from '@jest/globals'
import { KINDS } from '../../tools/faults/injector.ts'
import { runFaults } from '../../tools/faults/run-faults.ts'

// The short run of `npm run faults`: every acknowledged command has one effect and one answer.

test('twenty faults of each kind, and fifty thousand commands: none lost, doubled or overtaken', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const say = (line: string): void => void process.stderr.write(`seed ${seed}, ${line}\n`)
  const plan = { seed, kills: 20, commands: 50_000, kinds: KINDS, handlers: 3, devices: 40 }
  const { counts, violations, recovery } = await runFaults(plan, say)
  expect({ seed, violations }).toEqual({ seed, violations: [] })
  expect(counts.sent).toBeGreaterThanOrEqual(50_000)
  expect(counts.answered).toBe(counts.sent)
  expect(counts.dead).toBeLessThan(counts.sent / 1_000)
  for (const kind of KINDS) expect(recovery[kind]?.answered).toHaveLength(20)
}, 3_600_000)
