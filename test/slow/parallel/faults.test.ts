import { expect, test } from '@jest/globals'
import { KINDS } from '../../../tools/faults/injector.ts'
import { runFaults } from '../../../tools/faults/run-faults.ts'

// The short run of `npm run faults`: every acknowledged command has one effect and one answer. A long one is run by hand, with
// `--kills 20 --commands 50000` or more.

const [KILLS, COMMANDS] = [6, 15_000]

test('six faults of each kind, and fifteen thousand commands: none lost, doubled or overtaken', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const say = (line: string): void => void process.stderr.write(`seed ${seed}, ${line}\n`)
  const plan = { seed, kills: KILLS, commands: COMMANDS, kinds: KINDS, handlers: 3, devices: 40 }
  const { counts, violations, recovery } = await runFaults(plan, say)
  expect({ seed, violations }).toEqual({ seed, violations: [] })
  expect(counts.sent).toBeGreaterThanOrEqual(COMMANDS)
  expect(counts.answered).toBe(counts.sent)
  expect(counts.dead).toBeLessThan(counts.sent / 1_000)
  for (const kind of KINDS) expect(recovery[kind]?.answered).toHaveLength(KILLS)
}, 3_600_000)
