import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import Database from 'libsql'
import { Unavailable } from '../wire/refusal.ts'
import { openSqliteTurnSecrets } from './sqlite-turn-secrets.ts'
import type { TurnSecrets } from './turn-secrets.ts'

// The table as in coturn's schema.sql; test/turn.test.ts uses coturn itself.
const TABLE = "CREATE TABLE turn_secret (realm varchar(127) default '', value varchar(256), primary key (realm,value))"

let dir: string
let file: string
let coturn: Database.Database
let secrets: TurnSecrets
const insert = (realm: string, value: string) =>
  coturn.prepare('INSERT INTO turn_secret VALUES (?, ?)').run([realm, value])

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'turn '))
  file = join(dir, 'turndb?a=b#c%41')
  coturn = new Database(file)
  coturn.exec(TABLE)
  secrets = openSqliteTurnSecrets(file, 'home')
})
afterEach(async () => {
  await secrets.close()
  coturn.close()
  rmSync(dir, { recursive: true })
})

test('the newest secret of the realm signs, at once', async () => {
  insert('home', 'zzz-first')
  expect(await secrets.newest()).toBe('zzz-first')
  insert('home', 'aaa-second')
  insert('elsewhere', 'of-others')
  expect(await secrets.newest()).toBe('aaa-second')
  coturn.exec("DELETE FROM turn_secret WHERE value = 'aaa-second'")
  expect(await secrets.newest()).toBe('zzz-first')
})

test('changes nothing in the file, and locks nobody out', async () => {
  insert('home', 'a secret')
  const before = readFileSync(file)
  expect(await secrets.newest()).toBe('a secret')
  expect(readFileSync(file).equals(before)).toBe(true)
  coturn.exec('BEGIN EXCLUSIVE; COMMIT')
})

test('is unavailable without a secret for the realm; an empty one does not count', async () => {
  insert('elsewhere', 'of-others')
  insert('home', '')
  await expect(secrets.newest()).rejects.toThrow(new Unavailable('TURN_SECRET_STORE has no secret for the realm home'))
})

test('is unavailable only while the file is locked', async () => {
  insert('home', 'a secret')
  coturn.exec('BEGIN EXCLUSIVE')
  await expect(secrets.newest()).rejects.toThrow(/^TURN_SECRET_STORE cannot be read: .+: SQLITE_BUSY$/)
  coturn.exec('COMMIT')
  expect(await secrets.newest()).toBe('a secret')
})

test('is unavailable while the file is missing, and reads a file that replaces it', async () => {
  insert('home', 'a secret')
  const other = new Database(join(dir, 'other'))
  other.exec(`${TABLE}; INSERT INTO turn_secret VALUES ('home', 'of the other file')`)
  other.close()
  expect(await secrets.newest()).toBe('a secret')
  renameSync(file, join(dir, 'away'))
  await expect(secrets.newest()).rejects.toThrow(Unavailable)
  renameSync(join(dir, 'other'), file)
  expect(await secrets.newest()).toBe('of the other file')
})

test.each([
  ['no database', () => writeFileSync(file, 'This is no database, but a text that is long enough to be looked at.')],
  ["not coturn's", () => coturn.exec('DROP TABLE turn_secret')],
])('is unavailable when the file is %s', async (_, spoil) => {
  spoil()
  await expect(secrets.newest()).rejects.toThrow(Unavailable)
})
