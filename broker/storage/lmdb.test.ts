import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Run } from '../../test/process.ts'
import { openLmdb } from './lmdb.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'storage-'))
})
afterEach(() => rm(dir, { recursive: true }))

test('what it has said to be stored is there after kill -9, and no unit is there by half', async () => {
  const path = join(dir, 'test.lmdb')
  let stored = 0
  for (let round = 0; round < 8; round++) {
    const run = new Run(['test/endless-units.ts', path, String(stored + 1_000 * round)])
    await run.says(/\d\n/)
    await run.says(new RegExp(`(?:\\d+\\n){${100 * (round + 1)}}`))
    run.kill('SIGKILL')
    await run.ended
    const said = run.stdout.split('\n').slice(0, -1).map(Number)
    const storage = openLmdb(path)
    const keys = (name: string) => new Set([...storage.table(name).entries()].map(({ key }) => Number(key)))
    const [one, other] = [keys('one'), keys('other')]
    expect(one).toEqual(other)
    const removed = (number: number): boolean => (number + 1) % 3 === 0
    expect(said.filter((number) => !one.has(number) && !removed(number))).toEqual([])
    for (const number of one) if (number % 3 === 0) expect(one.has(number - 1)).toBe(false)
    stored = Math.max(...one)
    await storage.close()
  }
})

test('units end in their order, those without anything to store too; but one that need not wait does not', async () => {
  const storage = openLmdb(join(dir, 'test.lmdb'))
  const table = storage.table<number>('one')
  const order: string[] = []
  await Promise.all([
    storage.commit((unit) => {
      unit.put(table, 'a', 1)
      unit.afterwards(() => order.push('stored'))
    }),
    storage.commit((unit) => unit.afterwards(() => order.push('empty'))),
    storage.commit((unit) => unit.afterwards(() => order.push('free')), { inOrder: false }),
  ])
  expect(order).toEqual(['free', 'stored', 'empty'])
  await storage.close()
  await expect(storage.commit(() => {})).rejects.toThrow('closed')
})

test('what a torn write has left at the end of the file does no harm', async () => {
  const path = join(dir, 'test.lmdb')
  const before = openLmdb(path)
  for (let i = 0; i < 50; i++) await before.commit((unit) => unit.put(before.table('one'), i, Buffer.alloc(5_000, i)))
  await before.close()
  await appendFile(path, Buffer.alloc(33_333, 0xa5))
  const after = openLmdb(path)
  const table = after.table<Buffer>('one')
  expect([...table.entries()].map(({ value }) => value[4_999])).toEqual(Array.from({ length: 50 }, (_, i) => i))
  for (let i = 50; i < 100; i++) await after.commit((unit) => unit.put(table, i, Buffer.alloc(5_000, i)))
  expect([...table.entries()]).toHaveLength(100)
  await after.close()
})

test('a file that is no storage of ours is an error that names it', async () => {
  const path = join(dir, 'test.lmdb')
  await writeFile(path, Buffer.alloc(65_536, 0xa5))
  expect(() => openLmdb(path)).toThrow(path)
})

test('a full disk: units are refused whole, nothing ends, and it goes on by itself when there is room', async () => {
  // A disk of its own, that is gone with the process.
  const script = `mount -t tmpfs -o size=8m tmpfs ${dir} && head -c 4000000 /dev/zero > ${dir}/ballast && exec "$@"`
  const node = [process.execPath, '--import', 'tsx', 'test/endless-units.ts', join(dir, 'test.lmdb'), '0']
  const isRoot = process.getuid?.() === 0
  const child = spawn('unshare', [isRoot ? '-m' : '-Urm', 'sh', '-c', script, 'sh', ...node])
  let [said, failed] = ['', '']
  child.stdout.on('data', (text: Buffer) => (said += text.toString()))
  const full = new Promise<void>((resolve) => {
    child.stderr.on('data', (text: Buffer) => {
      failed += text.toString()
      if (failed.includes('the disk is full')) resolve()
    })
  })
  await full
  const before = said.length
  await rm(`/proc/${child.pid}/root${dir}/ballast`)
  while (said.length < before + 1_000) await once(child.stdout, 'data')
  expect(child.exitCode).toBeNull()
  child.kill('SIGKILL')
  await once(child, 'close')
  expect(new Set(failed.trim().split('\n'))).toEqual(new Set(['the disk is full']))
})
