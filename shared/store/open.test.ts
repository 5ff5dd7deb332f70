import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { openStore } from './open.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('keeps the data in DATA_DIR, which only its owner may enter', async () => {
  const DATA_DIR = join(folder, 'a', 'data')
  const first = openStore({ DATA_DIR })
  await first.collection({ name: 'notes' }).insert({ _id: 'n1' })
  await first.close()
  expect(statSync(DATA_DIR).mode & 0o777).toBe(0o700)
  expect(statSync(join(DATA_DIR, 'handlers.db')).isFile()).toBe(true)

  const again = openStore({ DATA_DIR, MONGODB_URL: undefined })
  expect(await again.collection({ name: 'notes' }).get('n1')).toEqual({ _id: 'n1' })
  await again.close()
})

test('names the setting that it cannot follow, and never shows it', () => {
  const open = () => openStore({ DATA_DIR: folder, MONGODB_URL: 'mongodb://root:hunter2@db' })
  expect(open).toThrow(/^MONGODB_URL: (?!.*hunter2)/)
})
