import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { supervise } from '../../scripts/supervise.ts'
import { COMPUTING, computingEnv, gate } from '../computing.ts'
import { metric } from '../metrics.ts'
import { ROOT, Run } from '../process.ts'
import { openStage, type Stage } from '../stage.ts'

// Handlers that compute for a long time, for ever, or do not stop.

const TWENTY_SECONDS = 20_000
/** Milliseconds in which even a slow machine starts several processes in a row, each of which gets stuck. */
const SEVERAL_STARTS = 180_000

let stage: Stage
beforeEach(async () => {
  stage = await openStage([], { HANDLER_EVENTS: 'ran' })
})
afterEach(() => stage.close())

async function starts(): Promise<Run> {
  const run = stage.keep(new Run([COMPUTING], { env: computingEnv(stage) }))
  await run.ready
  return run
}
const times = (run: Run, what: string): number => run.stdout.split(what).length - 1

test('a handler that computes for 20 s of its 60 runs once; others in its process lose no attempt', async () => {
  const first = await starts()
  const { until, opens } = gate(stage)
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  await bob.sends('nap', {})
  await first.says(/naps 1/)
  await alice.sends('compute', { until, ms: TWENTY_SECONDS })
  await first.says(/computes 1/)
  const sent = [await bob.sends('quick', {}), await bob.sends('quick', {})]
  opens() // it ends when its time limit is over
  expect(await alice.receives('ran')).toMatchObject({ attempt: 1 })
  expect(await bob.receives('ran')).toMatchObject({ attempt: 1 })
  for (const re of sent) expect(await bob.receives('ran')).toMatchObject({ re, attempt: 1 })
  expect([...(await alice.unread()), ...(await bob.unread())]).toEqual([])
  expect(times(first, 'computes')).toBe(1)
})

test('while one process computes, another answers other commands', async () => {
  const first = await starts()
  const { until, opens } = gate(stage)
  const alice = await stage.device('alice')
  await alice.sends('compute', { until, ms: TWENTY_SECONDS })
  await first.says(/computes 1/)
  const second = await starts()
  for (let n = 0; n < 20; n++) {
    const bob = await stage.device(`bob-${n}`)
    expect(await bob.asks('quick', {})).toMatchObject({ event: 'ran', attempt: 1, pid: second.pid })
  }
  opens() // all of that happened before it ended
  expect(await alice.receives('ran')).toMatchObject({ attempt: 1, pid: first.pid })
  expect([times(first, 'computes'), times(second, 'computes')]).toEqual([1, 0])
})

test('a handler that ignores the stop signal loses its command after 20 s, uncounted, and the process ends', async () => {
  const first = await starts()
  const { until, opens } = gate(stage)
  const alice = await stage.device('alice')
  await alice.sends('ignore', { until })
  await first.says(/ignores its signal 1/)
  const told = performance.now()
  first.kill('SIGTERM')
  expect(await first.ended).toBe(0)
  expect(performance.now() - told).toBeGreaterThan(TWENTY_SECONDS - 100)
  opens()
  const second = await starts()
  expect(await alice.receives('ran')).toMatchObject({ attempt: 1, pid: second.pid })
})

test('a command whose handler never ends is dead after its attempts, each in a restarted process; others lose nothing', async () => {
  const spin = { ordered: true, timeoutMs: 100, attempts: 3 }
  await stage.broker.reload({ computing: { commands: { spin }, events: ['ran'] } })
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  const env = { ...process.env, ...computingEnv(stage) }
  const part = stage.keep(supervise('computing', ['--import', tsx, `${ROOT}${COMPUTING}`], { env: () => env }))
  await part.served
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const sent = [await bob.sends('nap', {}), await alice.sends('spin', {})]
  for (let n = 0; n < 20; n++) sent.push(await bob.sends('quick', {}))
  expect(await alice.next(SEVERAL_STARTS)).toMatchObject({ event: 'command_failed', re: sent[1], code: 'timeout' })
  const answers = new Map<string, string>()
  while (answers.size < 21) {
    const { event, re, attempt } = await bob.next(SEVERAL_STARTS)
    if (event !== 'command_queued') answers.set(re!, `${event}, attempt ${String(attempt)}`)
  }
  expect(new Set(answers.values())).toEqual(new Set(['ran, attempt 1']))
  expect(await metric(stage, 'handler_processes_stuck_total')).toBe(3)
  expect(await metric(stage, 'commands_dead_total', 'command="spin"')).toBe(1)
})
