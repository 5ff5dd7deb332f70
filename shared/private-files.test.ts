import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { openLog } from './log.ts'
import { keepFilesPrivate } from './private-files.ts'

test('names our files that other users can use, and no other files', () => {
  const dir = mkdtempSync(join(tmpdir(), 'private-'))
  const before = process.umask()
  for (const folder of ['broker', 'dev', 'else']) mkdirSync(join(dir, folder))
  const names = ['handlers.db', 'handlers.db-wal', 'broker/broker.lmdb', 'dev/secret', 'notes.txt', 'else/file']
  for (const name of names) writeFileSync(join(dir, name), '')
  for (const name of names) chmodSync(join(dir, name), name === 'dev/secret' ? 0o600 : 0o644)
  const lines: string[] = []
  keepFilesPrivate(dir, openLog('info', 'test', { write: (line) => void lines.push(line) }))
  process.umask(before)
  expect(lines.map((line) => (JSON.parse(line) as { files: string[] }).files)).toEqual([
    ['handlers.db', 'handlers.db-wal', 'broker/broker.lmdb'].map((name) => join(dir, name)),
  ])
  rmSync(dir, { recursive: true })
})
