import { expect, test } from '@jest/globals'
import { runAppFaults } from '../../../tools/faults/app/run-app-faults.ts'

// `call` and `on` keep their promises while apps, broker, handlers and network fail. A longer run: APP_FAULTS=20 APP_MESSAGES=5000

const { APP_FAULTS = '3', APP_MESSAGES = '400' } = process.env

test('apps that are killed, as is everything around them, lose no message, double none, and keep their order', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const say = (line: string): void => void process.stderr.write(`seed ${seed}, ${line}\n`)
  const plan = { seed, apps: 4, messages: Number(APP_MESSAGES), faults: Number(APP_FAULTS) }
  const { violations, calls, ...more } = await runAppFaults(plan, say)
  say(JSON.stringify({ calls, ...more }))
  expect({ seed, violations }).toEqual({ seed, violations: [] })
  expect(calls).toBe(plan.apps * plan.messages)
}, 3_600_000)
