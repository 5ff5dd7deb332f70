import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Run } from '../../test/process.ts'
import { Damaged } from '../../shared/wire/refusal.ts'
import { checkLmdb } from './check-lmdb.ts'
import { openLmdb } from './lmdb.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'storage-'))
})
afterEach(() => rm(dir, { recursive: true }))

test('what was reported as stored survives kill -9, and no unit is stored in part', async () => {
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

test('units end in order, empty ones too, unless they need not wait', async () => {
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

test('units of one turn end together, with one promise; an error in one callback does not stop the others', async () => {
  const failures: unknown[] = []
  const storage = openLmdb(join(dir, 'test.lmdb'), (err) => failures.push(err))
  const table = storage.table<number>('one')
  const order: string[] = []
  const commit = (key: string, then: () => void): Promise<void> =>
    storage.commit((unit) => {
      unit.put(table, key, 1)
      unit.afterwards(then)
    })
  const first = commit('a', () => {
    order.push('first')
    void storage.commit((unit) => unit.afterwards(() => order.push('asked for meanwhile')))
  })
  const second = commit('b', () => {
    throw new Error('a fault of ours')
  })
  storage.eventually((unit) => {
    unit.put(table, 'c', 1)
    unit.afterwards(() => order.push('third'))
  })
  expect(second).toBe(first)
  await first
  expect(order).toEqual(['first', 'third', 'asked for meanwhile'])
  expect(failures).toMatchObject([{ cause: { message: 'a fault of ours' } }])
  expect(commit('d', () => {})).not.toBe(first)
  await storage.close()
})

test('a unit that throws while it is built, or has too long a key, stores nothing', async () => {
  const storage = openLmdb(join(dir, 'test.lmdb'))
  const table = storage.table<number>('one')
  const built = storage.commit((unit) => {
    unit.put(table, 'a', 1)
    throw new Error('a fault of ours')
  })
  const tooLong = storage.commit((unit) => {
    unit.put(table, 'b', 1)
    unit.put(table, 'ü'.repeat(1_000), 1)
  })
  const other = storage.commit((unit) => unit.put(table, 'c', 1))
  await expect(built).rejects.toThrow('a fault of ours')
  await expect(tooLong).rejects.toThrow('1900 bytes')
  await other
  expect([...table.entries()]).toEqual([{ key: 'c', value: 1 }])
  await storage.close()
})

test('units of one turn end in order even when they exceed one transaction', async () => {
  const storage = openLmdb(join(dir, 'test.lmdb'))
  const ended: number[] = []
  const units = Array.from({ length: 1_000 }, (_, i) =>
    storage.commit((unit) => unit.put(storage.table('one'), i, Buffer.alloc(40_000))).then(() => ended.push(i)),
  )
  await Promise.all(units)
  expect(ended).toEqual(units.map((_, i) => i))
  await storage.close()
})

test('a torn write at the end of the file does no harm', async () => {
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

test('opening a foreign file fails with its name', async () => {
  const path = join(dir, 'test.lmdb')
  await writeFile(path, Buffer.alloc(65_536, 0xa5))
  expect(() => openLmdb(path)).toThrow(path)
})

test('a full disk: units are refused whole, nothing ends, and it goes on by itself when there is room', async () => {
  // A separate disk, which disappears with the process.
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
  expect(new Set(failed.trim().split('\n'))).toEqual(new Set([`${join(dir, 'test.lmdb')}: the disk is full`]))
})

test('checkLmdb names a file with missing or overwritten pages, before LMDB would crash on it', async () => {
  const path = join(dir, 'test.lmdb')
  const before = openLmdb(path)
  for (let i = 0; i < 500; i++) void before.commit((unit) => unit.put(before.table('one'), i, Buffer.alloc(400, i)))
  for (let i = 0; i < 20; i++) await before.commit((unit) => unit.put(before.table(`table ${i}`), 'k', i))
  await before.close()
  await checkLmdb(path)
  const sound = await readFile(path)
  await writeFile(join(dir, 'empty.lmdb'), '')
  await checkLmdb(join(dir, 'empty.lmdb')) // left by a first start on a full disk
  await checkLmdb(join(dir, 'absent.lmdb'))

  for (const [what, damage] of [
    ['cut off', sound.subarray(0, sound.length / 2)],
    ['overwritten', Buffer.concat([sound.subarray(0, 8_192), Buffer.alloc(sound.length - 8_192, 0xa5)])],
    ['zeroed', Buffer.concat([sound.subarray(0, 8_192), Buffer.alloc(sound.length - 8_192)])],
    ['something else', Buffer.alloc(sound.length, 0x20)],
  ] as const) {
    const damaged = join(dir, `${what}.lmdb`)
    await writeFile(damaged, damage)
    await expect(checkLmdb(damaged)).rejects.toThrow(`${damaged} is damaged: `)
  }
})

test('when pages are overwritten while it runs, reads and writes fail with the name of the file', async () => {
  const path = join(dir, 'test.lmdb')
  const failures: unknown[] = []
  const storage = openLmdb(path, (err) => failures.push(err))
  const table = storage.table<Buffer>('one')
  for (let i = 0; i < 500; i++) void storage.commit((unit) => unit.put(table, i, Buffer.alloc(400, i)))
  await storage.commit(() => {})
  expect(storage.trouble()).toBeUndefined()
  const file = await open(path, 'r+')
  const { size } = await file.stat()
  for (let at = 8_192; at < size; at += 4_096) await file.write(Buffer.alloc(4_096), 0, 4_096, at)
  await file.close()

  expect(() => table.get(1)).toThrow(`${path} is damaged: `)
  expect(() => [...table.entries()]).toThrow(`${path} is damaged: `)
  const order: string[] = []
  const undone = ['a', 'b'].map((name) =>
    storage.commit((unit) => {
      unit.put(table, 1, Buffer.alloc(1))
      unit.otherwise(() => order.push(`${name} is undone`))
    }),
  )
  const empty = storage.commit((unit) => unit.afterwards(() => order.push('nothing to store')))
  for (const one of undone) await expect(one).rejects.toThrow(`${path} is damaged: `)
  await empty
  expect(order).toEqual(['a is undone', 'b is undone', 'nothing to store'])
  expect(storage.trouble()).toMatch(`${path} is damaged: `)
  expect(failures[0]).toBeInstanceOf(Damaged)
  await storage.close()
})

test('a table that was opened with a decoder alone refuses to be written', async () => {
  const storage = openLmdb(join(dir, 'test.lmdb'))
  const table = storage.table('texts', { holds: 'a text', decode: (bytes: Buffer) => String(bytes) })
  await expect(storage.commit((unit) => unit.put(table, 1, 'text'))).rejects.toThrow('opened with a decoder alone')
  expect(table.get(1)).toBeUndefined()
  await storage.close()
})

test('records read without copying their bytes are right, whatever their sizes and order', async () => {
  const storage = openLmdb(join(dir, 'test.lmdb'))
  const codec = {
    holds: 'a text',
    encode: (text: string) => Buffer.from(text),
    decode: (bytes: Buffer) => String(bytes),
  }
  const table = storage.table('texts', codec)
  const sizes = [5, 1, 200, 5, 2_000, 70_000, 3, 1_024, 1_025, 9_000, 5, 200]
  const all = sizes.map((size, i) => String.fromCharCode(0x61 + i).repeat(size))
  await storage.commit((unit) => all.forEach((text, i) => unit.put(table, i, text)))
  const lent = storage.table<string>('texts', { ...codec, keepsNoBytes: true })
  expect(lent.size).toBe(all.length)
  expect([...lent.entries()].map(({ value }) => value)).toEqual(all)
  expect(all.map((_, i) => lent.get(i))).toEqual(all)
  expect(all.map((_, i) => table.get(i))).toEqual(all)
  await storage.close()
})
