import { expect, test } from '@jest/globals'
import { runAppFaults, type AppFault } from '../../../tools/faults/app/run-app-faults.ts'

// `call` and `on` keep their promises while apps, broker, handlers and network fail, while apps sleep, move to another network, and have
// a wrong clock or a full disk. A longer run: APP_FAULTS=12 APP_MESSAGES=5000; ten minutes of sleep: APP_KINDS=sleep APP_SLEEP=600000

const { APP_FAULTS = '2', APP_MESSAGES = '400', APP_KINDS, APP_SLEEP, APP_SEED } = process.env

test('apps that are killed, as is everything around them, lose no message, double none, and keep their order', async () => {
  const seed = Number(APP_SEED ?? Math.floor(Math.random() * 2 ** 31))
  const say = (line: string): void => void process.stderr.write(`seed ${seed}, ${line}\n`)
  const plan = {
    seed,
    apps: 4,
    messages: Number(APP_MESSAGES),
    faults: Number(APP_FAULTS),
    ...(APP_KINDS !== undefined && { kinds: APP_KINDS.split(',') as AppFault[] }),
    ...(APP_SLEEP !== undefined && { sleep: Number(APP_SLEEP) }),
  }
  const { violations, calls, ...more } = await runAppFaults(plan, say)
  say(JSON.stringify({ calls, ...more }))
  expect({ seed, violations }).toEqual({ seed, violations: [] })
  expect(calls).toBe(plan.apps * plan.messages)
}, 3_600_000)
