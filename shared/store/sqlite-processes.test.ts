import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openSqliteFile } from './sqlite-file.ts'
import { openSqlite } from './sqlite.ts'

const COUNTERS = {
  name: 'counters',
  indexes: { by_n: { fields: ['n'], unique: true }, by_kind: { fields: ['kind', 'n'] } },
}

// Retries as a handler process does: SQLite is not fair, and on a slow disk one process waits too long.
const UNTIL_DONE = `
  async function untilDone(work) {
    for (;;) {
      try {
        return await work()
      } catch (err) {
        if (err.name !== 'Unavailable') throw err
      }
    }
  }
`

// A process that waits for a line, opens the file, counts up and prints each number once it is stored.
const COUNTING = `
  import { once } from 'node:events'
  import { openSqlite } from ${JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)}
  const [, file, times] = process.argv
  console.log('ready')
  await once(process.stdin, 'data')
  ${UNTIL_DONE}
  const store = await untilDone(() => openSqlite(file))
  const counters = await untilDone(() => store.collection(${JSON.stringify(COUNTERS)}))
  const next = (now) => ({ _id: 'c', kind: 'k', n: (now?.n ?? 0) + 1 })
  for (let i = 0; i < Number(times); i++) console.log((await untilDone(() => counters.change('c', next))).n)
  await store.close()
`

const LETTERS = { name: 'letters', text: { field: 'body', within: 'readers' } }

// Opens a collection that gets a text, and prints how many documents it finds then.
const SEARCHING = `
  import { once } from 'node:events'
  import { openSqlite } from ${JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)}
  console.log('ready')
  await once(process.stdin, 'data')
  ${UNTIL_DONE}
  const store = await untilDone(() => openSqlite(process.argv[1]))
  const letters = await untilDone(() => store.collection(${JSON.stringify(LETTERS)}))
  const wanted = { words: 'fox', within: ['alice'], limit: 1000 }
  console.log((await untilDone(() => letters.search(wanted))).docs.length)
  await store.close()
`

interface Counter {
  _id: string
  n: number
}

describe('several processes on one SQLite file', () => {
  let folder: string
  let file: string
  let started: ChildProcessWithoutNullStreams[]

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'store-'))
    file = join(folder, 'test.db')
    started = []
  })
  afterEach(async () => {
    const running = started.filter((child) => child.exitCode === null && child.signalCode === null)
    await Promise.all(running.map((child) => (child.kill('SIGKILL'), once(child, 'exit'))))
    rmSync(folder, { recursive: true })
  })

  const count = (times: number) => run(COUNTING, String(times))

  function run(
    code: string,
    ...more: string[]
  ): { child: ChildProcessWithoutNullStreams; lines: AsyncIterator<string> } {
    const args = ['--import', 'tsx', '--input-type=module', '-e', code, file, ...more]
    const child = spawn(process.execPath, args, { cwd: fileURLToPath(new URL('../..', import.meta.url)) })
    child.stderr.pipe(process.stderr)
    started.push(child)
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }
  }

  test('that start at the same time on a fresh file lose nothing', async () => {
    const counting = Array.from({ length: 4 }, () => count(200))
    for (const { lines } of counting) expect((await lines.next()).value).toBe('ready')
    const numbers = counting.map(async ({ child, lines }) => {
      child.stdin.end('go\n')
      const seen: number[] = []
      for (let line = await lines.next(); line.done !== true; line = await lines.next()) seen.push(Number(line.value))
      return seen
    })
    const seen = (await Promise.all(numbers)).flat()
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 800 }, (_, i) => i + 1))

    const store = openSqlite(file)
    expect(await store.collection<Counter>(COUNTERS).get('c')).toEqual({ _id: 'c', kind: 'k', n: 800 })
    await store.close()
  })

  test('lose nothing that was acknowledged when one is killed', async () => {
    const { child, lines } = count(1_000_000)
    await lines.next()
    child.stdin.end('go\n')
    let promised = 0
    while (promised < 100) promised = Number((await lines.next()).value)
    child.kill('SIGKILL')
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) promised = Number(line.value)

    const raw = openSqliteFile(file)
    expect(raw.use((sql) => sql.all('PRAGMA integrity_check'))).toEqual([{ integrity_check: 'ok' }])
    raw.close()
    const store = openSqlite(file)
    const counters = store.collection<Counter>(COUNTERS)
    const found = await counters.find({ by: 'by_kind', where: { kind: 'k' }, limit: 10 })
    expect(found).toHaveLength(1)
    expect(found[0]?.n).toBeGreaterThanOrEqual(promised)
    expect(await counters.insert({ _id: 'd', n: found[0]?.n ?? 0 })).toBe(false)
    expect(await counters.remove('c')).toBe(true)
    await store.close()
  })

  test('that open a collection with a new text at the same time find all its documents', async () => {
    const store = openSqlite(file)
    const plain = store.collection<{ _id: string; body: string; readers: string[] }>({ name: LETTERS.name })
    const all = Array.from({ length: 900 }, (_, i) => ({ _id: `n${i}`, body: 'a fox', readers: ['alice'] }))
    await Promise.all(all.map((one) => plain.insert(one)))
    await store.close()

    const sides = Array.from({ length: 3 }, () => run(SEARCHING))
    for (const { lines } of sides) expect((await lines.next()).value).toBe('ready')
    for (const { child } of sides) child.stdin.end('go\n')
    for (const { lines } of sides) expect((await lines.next()).value).toBe('900')
  })
})
