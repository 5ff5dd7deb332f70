import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { EXIT_STUCK } from '../../../shared/runtime/connection/end-stuck.ts'
import { COMPUTING, computingEnv, gate, readyz, stuckFor } from '../../computing.ts'
import { metric } from '../../metrics.ts'
import { Run } from '../../process.ts'
import { openStage, type Stage } from '../../stage.ts'

// A handler that computes without awaiting blocks its process' main thread, as a breakpoint in a debugger does. Its own time limit
// applies to it, and no other command loses an attempt.

/** Seconds beyond its limit after which a process ends itself. */
const STUCK_AT_MOST = 6
/** Milliseconds after which the broker gives up a silent connection, with a margin. */
const LONGER_THAN_SILENCE = 8_500

const lines: string[] = []
let stage: Stage
let first: Run
beforeAll(async () => {
  stage = await openStage([], { HANDLER_EVENTS: 'ran' }, lines)
  const spin = { ordered: true, timeoutMs: 100, attempts: 1 }
  await stage.broker.reload({ computing: { commands: { spin }, events: ['ran'] } })
  first = await starts()
})
afterAll(() => stage.close())

async function starts(more: Record<string, string> = {}, ...args: string[]): Promise<Run> {
  const run = stage.keep(new Run([COMPUTING, ...args], { env: { ...computingEnv(stage), ...more } }))
  await run.ready
  return run
}
async function stops(run: Run): Promise<void> {
  run.kill('SIGTERM')
  expect(await run.ended).toBe(0)
}

/** Resolves when the broker knows that a process is computing. */
const isBusy = (): Promise<void> => brokerSays('a handler process is busy computing')
/** Resolves when the broker knows that it is not computing any more. */
const isFree = (): Promise<void> => brokerSays('a handler process is free again')
async function brokerSays(what: string): Promise<void> {
  const timeout = AbortSignal.timeout(30_000)
  while (!lines.some((line) => line.includes(what))) {
    timeout.throwIfAborted()
    await pause(20)
  }
  lines.length = 0
}
const times = (run: Run, what: string): number => run.stdout.split(what).length - 1

test('in a lone process it runs once, however long it is silent; other commands wait in order and lose no attempt', async () => {
  const { until, opens } = gate(stage)
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const computed = await alice.sends('compute', { until, ms: LONGER_THAN_SILENCE })
  await first.says(/computes 1/)
  const later = await alice.sends('quick', {})
  const sent = [await bob.sends('quick', {}), await bob.sends('quick', {})]
  const unstored = await alice.sends('quick', {}, { qos: 0 })
  await isBusy()
  sent.push(await bob.sends('quick', {}))
  opens()
  const own = { attempt: 1, pid: first.pid }
  const answers = [await alice.receives('ran'), await alice.receives('ran'), await alice.receives('ran')]
  for (const answer of answers) expect(answer).toMatchObject(own)
  // The unstored command's answer waits for no write, so it may overtake the others.
  const ids = answers.map(({ re }) => re)
  expect(ids.filter((re) => re !== unstored)).toEqual([computed, later])
  expect(ids).toContain(unstored)
  for (const re of sent) expect(await bob.receives('ran')).toMatchObject({ ...own, re })
  expect(times(first, 'computes')).toBe(1)
  expect([...(await alice.unread()), ...(await bob.unread())]).toEqual([])
})

test('with a second process, commands that it has not begun go there meanwhile', async () => {
  const { until, opens } = gate(stage)
  const [carol, dan] = [await stage.device('carol'), await stage.device('dan')]
  await carol.sends('compute', { until, ms: 0 })
  await first.says(/computes 1[^]*computes 1/)
  const waiting = await dan.sends('quick', {})
  await isBusy()
  const second = await starts()
  for (const re of [waiting, await dan.sends('quick', {})]) {
    expect(await dan.receives('ran')).toMatchObject({ re, attempt: 1, pid: second.pid })
  }
  opens()
  expect(await carol.receives('ran')).toMatchObject({ attempt: 1, pid: first.pid })
  expect(times(second, 'computes')).toBe(0)
  await stops(second)
})

test('a handler that never ends is given up, and its process ends and is replaced; other commands lose no attempt', async () => {
  const [heidi, ivan] = [await stage.device('heidi'), await stage.device('ivan')]
  await ivan.sends('nap', {})
  await first.says(/naps 1/)
  await heidi.sends('spin', {})
  await first.says(/spins 1/)
  await ivan.sends('quick', {})
  expect(await heidi.receives('command_failed')).toMatchObject({ code: 'timeout' })
  expect(await first.ended).toBe(EXIT_STUCK)
  expect(first.stdout).toMatch(/"command":"spin",[^\n]*"where":"[^"\n]*computing-handlers\.ts[^\n]*blocks this process/)
  expect(lines.filter((line) => line.includes('a handler process is stuck'))).toEqual([
    expect.stringMatching(/"group":"computing","client":"computing\.[^"]+","command":"spin"/),
  ])
  expect(await metric(stage, 'handler_processes_stuck_total')).toBe(1)
  first = await starts()
  for (let n = 0; n < 2; n++) expect(await ivan.receives('ran')).toMatchObject({ attempt: 1, pid: first.pid })
  expect(await readyz(stage)).not.toContain('is stuck')
})

test('a command that computes beyond its limit is retried elsewhere, and its late result is ignored; others lose no attempt', async () => {
  await stops(first)
  first = await starts({ NODE_OPTIONS: '--inspect=127.0.0.1:0' }) // it may be at a breakpoint, so it is not ended
  const { until, opens } = gate(stage)
  const [erin, frank] = [await stage.device('erin'), await stage.device('frank')]
  await frank.sends('nap', {})
  await first.says(/naps 1/)
  await erin.sends('overrun', { until, ms: 0 })
  await first.says(/overruns 1/)
  await isBusy()
  const second = await starts()
  expect(await erin.receives('ran')).toMatchObject({ attempt: 2, pid: second.pid })
  expect(await frank.receives('ran')).toMatchObject({ attempt: 1, pid: second.pid })
  await stuckFor(stage, 'overrun', STUCK_AT_MOST)
  opens()
  await isFree()
  await stops(second)
  expect(await frank.asks('quick', {})).toMatchObject({ event: 'ran', pid: first.pid })
  expect(await erin.asks('nap', {})).toMatchObject({ event: 'ran', attempt: 1 })
  expect(await readyz(stage)).not.toContain('is stuck')
  expect([...(await erin.unread()), ...(await frank.unread())]).toEqual([])
})

test('a stopping process signals its handlers; commands that obey are deferred without losing an attempt, and run elsewhere', async () => {
  const { until: heard, opens } = gate(stage)
  const grace = await stage.device('grace')
  await grace.sends('listen', {})
  await first.says(/listens 1/)
  await stops(first)
  expect(first.stdout).toContain('attempt postponed: the process is stopping')
  expect(first.stdout).not.toContain('did not end in time')
  opens()
  first = await starts({ HEARD: heard }, '50')
  expect(await grace.receives('ran')).toMatchObject({ attempt: 1, pid: first.pid })
})

test('a command that ignores the signal is handed back when its time is over, and the process still ends', async () => {
  const { until, opens } = gate(stage)
  const judy = await stage.device('judy')
  await judy.sends('ignore', { until })
  await first.says(/ignores its signal 1/)
  await stops(first)
  expect(first.stdout).toContain('commands did not finish in time and were given back to the broker')
  opens()
  const second = await starts()
  expect(await judy.receives('ran')).toMatchObject({ attempt: 1, pid: second.pid })
})
