import { EventEmitter, once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { isAlive } from '../test/process.ts'
import { Stopped, supervise, type Fate, type Part } from './supervise.ts'

// A part whose nth process does what its nth argument says; processes after that serve.

const PART = `
  import { appendFileSync, readFileSync } from 'node:fs'
  const [, , log, ...acts] = process.argv
  appendFileSync(log, process.pid + '\\n')
  const act = acts[readFileSync(log, 'utf8').trim().split('\\n').length - 1]
  process.on('SIGTERM', () => process.exit(0))
  process.on('disconnect', () => process.exit(0))
  process.on('SIGHUP', () => {})
  setInterval(() => {}, 1000)
  if (act === 'is killed') process.kill(process.pid, 'SIGKILL')
  else if (act === 'is told to end') process.kill(process.pid, 'SIGTERM')
  else if (act === 'gives up') process.exit(1)
  else if (act === 'gives up later') setTimeout(() => process.exit(1), 500)
  else if (act === 'stands still') process.kill(process.pid, 'SIGSTOP')
  else if (act !== 'loads') process.send('serves')
  if (act === 'serves, then stands still') setTimeout(() => process.kill(process.pid, 'SIGSTOP'), 100)
  if (act === 'computes') {
    setTimeout(() => {
      for (const end = Date.now() + 3000; Date.now() < end;);
      process.send('computed')
    }, 100)
  }
`

let dir: string
let parts: Part[]
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'parts-'))
  writeFileSync(join(dir, 'part.mjs'), PART)
  parts = []
})
afterEach(async () => {
  await Promise.all(parts.map((part) => part.close()))
  rmSync(dir, { recursive: true })
})

/** Runs a part, and collects what its processes print. */
function run(acts: string[], fate?: Fate) {
  const log = join(dir, `${parts.length}.log`)
  const served = new EventEmitter()
  const part = supervise('a part', [join(dir, 'part.mjs'), log, ...acts], {
    env: () => process.env,
    heartbeat: 200,
    ...(fate && { fate }),
    serving: () => void served.emit('serves'),
  })
  parts.push(part)
  return {
    part,
    /** Output of all processes so far. */
    pids: () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean).map(Number) : []),
    servesAgain: () => once(served, 'serves'),
  }
}

test.each(['is killed', 'is told to end', 'stands still'])(
  'a process that %s before it serves is started again',
  async (how) => {
    const { part, pids } = run([how])
    await part.served
    expect(pids().map(isAlive)).toEqual([false, true])
  },
)

test('a process that gives up before it serves is not started again', async () => {
  const { part, pids } = run(['gives up'])
  await expect(part.served).rejects.toThrow('a part ended before it served (1)')
  expect(pids()).toHaveLength(1)
})

test('a process that gives up because another was killed is started again', async () => {
  const fate = { kills: 0 }
  const [needs, needed] = [run(['gives up later'], fate), run(['is killed'], fate)]
  await Promise.all([needs.part.served, needed.part.served])
  expect(needs.pids()).toHaveLength(2)
})

test.each(['loads', 'is killed'])('a start is told to end while the process %s: nothing is left of it', async (how) => {
  const { part, pids } = run([how])
  while (pids().length < 1) await new Promise((resolve) => setImmediate(resolve))
  await part.close()
  await expect(part.served).rejects.toThrow(Stopped)
  expect(pids().filter(isAlive)).toEqual([])
})

test('a process that stands still is killed and started again', async () => {
  const { part, servesAgain, pids } = run(['serves, then stands still'])
  await part.served
  await servesAgain()
  expect(pids().map(isAlive)).toEqual([false, true])
})

test('a process whose main thread computes is left alone, however long', async () => {
  const { part, pids } = run(['computes'])
  await part.served
  await part.reload().catch((err: Error) => expect(err.message).toContain('cannot read its files')) // by what it says next
  expect(pids()).toHaveLength(1)
})
