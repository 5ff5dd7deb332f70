import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { openLog } from '../log.ts'
import { openStore } from './open.ts'

const log = openLog('silent', 'test')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('stores the data in DATA_DIR, which only its owner may enter', async () => {
  const DATA_DIR = join(folder, 'a', 'data')
  const first = await openStore({ DATA_DIR }, log)
  await first.collection({ name: 'notes' }).insert({ _id: 'n1' })
  await first.close()
  expect(statSync(DATA_DIR).mode & 0o777).toBe(0o700)
  expect(statSync(join(DATA_DIR, 'handlers.db')).isFile()).toBe(true)

  const again = await openStore({ DATA_DIR, MONGODB_URL: undefined }, log)
  expect(await again.collection({ name: 'notes' }).get('n1')).toEqual({ _id: 'n1' })
  await again.close()
})

test.each(['mongodb://root:hunter2@db/?what=ever', 'mongodb://root:hun/ter2@db', 'mongodb://root:hunter2@'])(
  'names the invalid setting, and never shows its value',
  async (MONGODB_URL) => {
    await expect(openStore({ DATA_DIR: folder, MONGODB_URL }, log)).rejects.toThrow(
      /^MONGODB_URL: (?!.*(?:hunter2|ter2))/,
    )
  },
)
