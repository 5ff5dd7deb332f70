import { closeSync, copyFileSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from '@jest/globals'
import Database from 'libsql'
import { readConfig } from '../shared/config.ts'
import { tokenSecrets } from '../shared/dev-secrets.ts'
import { ownData } from './own-data.ts'
import { Parts } from './parts.ts'
import { Run } from './process.ts'
import { openStage } from './stage.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close()
})

/** Overwrites all pages but the first two, as a disk that returns garbage would. */
function overwrite(file: string): void {
  const size = statSync(file).size
  const fd = openSync(file, 'r+')
  for (let at = 8_192; at < size; at += 4_096) writeSync(fd, Buffer.alloc(4_096, 0xa5), 0, 4_096, at)
  closeSync(fd)
}

test('a broker with a truncated file names it and exits, and `npm run data -- verify` names it too', async () => {
  const parts = await Parts.open()
  opened.push(parts)
  const alice = await parts.device('alice')
  for (let i = 0; i < 50; i++) await alice.sends('request_contact', { user_id: 'bob', note: 'x'.repeat(280) })
  await parts.killBroker()
  const file = join(parts.dir, 'broker', 'broker.lmdb')
  truncateSync(file, 12_288)

  const run = new Run(['broker/main.ts'], { env: parts.env })
  expect(await run.ended).toBe(1)
  expect(run.stderr).toMatch(`${file} is damaged`)
  expect(run.stderr).not.toMatch(/^ {4}at /m)

  const verify = new Run(['scripts/data.ts', 'verify'], { env: parts.env })
  expect(await verify.ended).toBe(1)
  expect(verify.stdout).toMatch(`${file}: damaged`)
})

test('while the handlers’ data are damaged, commands wait without losing an attempt, and run once the data are restored', async () => {
  const heard: string[] = []
  const stage = await openStage('contacts', { MONGODB_URL: '' }, heard) // always on SQLite
  opened.push(stage)
  const alice = await stage.device('alice')
  for (let i = 0; i < 40; i++) await alice.asks('request_contact', { user_id: `user-${i}`, note: 'x'.repeat(280) })
  const file = join(stage.config.DATA_DIR, 'handlers.db')
  const other = new Database(file)
  other.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  other.close()
  copyFileSync(file, `${file}.backup`)
  overwrite(file)

  const answer = alice.asks('get_contact_list')
  let readyz = await fetch(`${stage.admin}/readyz`)
  for (; readyz.status === 200; readyz = await fetch(`${stage.admin}/readyz`)) await pause(20)
  expect(readyz.status).toBe(503)
  const said = (await readyz.text()).split('\n') // on a slow machine, groups without a process are reported too
  expect(said[0]).toBe('not ready')
  expect(said).toContainEqual(
    expect.stringContaining(`the group contacts puts commands off: ${file} is damaged: SQLITE_CORRUPT`),
  )
  copyFileSync(`${file}.backup`, file)
  expect(await answer).toMatchObject({ event: 'contact_list' })
  const now = await fetch(`${stage.admin}/readyz`)
  expect(now.status).toBe(200)
  expect(await now.text()).not.toContain('the group contacts')
  expect(
    heard.filter((line) => line.includes(`${file} is damaged`) && line.includes('the handler failed')),
  ).toHaveLength(1)
})

test('an empty secret file is an error that names it, and nothing is signed with it', async () => {
  const data = await ownData()
  opened.push(data)
  const config = readConfig(data.settings)
  const [secret] = tokenSecrets(config)
  expect(secret).toHaveLength(43)
  const file = join(config.DATA_DIR, 'dev', 'secret')
  truncateSync(file)
  expect(() => tokenSecrets(config)).toThrow(`DATA_DIR: ${file} is damaged; remove it`)
  rmSync(file)
  expect(tokenSecrets(config)[0]).not.toBe(secret)
})
