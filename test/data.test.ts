import { mkdirSync } from 'node:fs'
import { appendFile, copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { collectionsOf } from '../scripts/data/collections.ts'
import { checkWith, exportTo, importFrom } from '../scripts/data/dump.ts'
import type { Closable } from '../shared/shutdown.ts'
import type { CollectionSpec, Document, Store } from '../shared/store/documents.ts'
import { openSqlite } from '../shared/store/sqlite.ts'
import { ownData } from './own-data.ts'
import { Run } from './process.ts'
import { HANDLERS } from './stage.ts'

// npm run data: moved data arrive whole, even in several runs.

let dir: string
/** A folder with a file that `fill` has filled. */
let filled: string
let specs: CollectionSpec[]
const opened: Closable[] = []
beforeAll(async () => {
  filled = await mkdtemp(join(tmpdir(), 'switchboard-'))
  specs = await collectionsOf(HANDLERS)
  const store = openSqlite(join(filled, FILE))
  await fill(store)
  await store.close()
})
afterAll(() => rm(filled, { recursive: true }))
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchboard-'))
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  await rm(dir, { recursive: true })
})

/** Data in a file; the data moved `to` are in MongoDB when the tests run on it. */
async function storeIn(name: string): Promise<Store> {
  if (name === 'to' && process.env['TEST_MONGODB_URL'] !== undefined) {
    const data = await ownData()
    opened.push(data)
    return data.store()
  }
  const store = openSqlite(join(dir, name))
  opened.push(store)
  return store
}
async function filledStoreIn(name: string): Promise<Store> {
  // With its log, which stays until the driver's statements are garbage-collected.
  for (const file of await readdir(filled)) await copyFile(join(filled, file), join(dir, file.replace(FILE, name)))
  return storeIn(name)
}
const specOf = (name: string): CollectionSpec => specs.find((spec) => spec.name === name)!
const quiet = (): void => {}
const FILE = 'handlers.db'
const MESSAGES = 1_234

/** Messages whose order of arrival is not that of their keys, and a profile. */
async function fill(store: Store): Promise<void> {
  const messages = store.collection<Document>(specOf('messages'))
  const all = Array.from({ length: MESSAGES }, (_, i) => ({
    _id: `m${(i * 7919) % MESSAGES}`,
    conversation: 'alice bob',
    seq: i + 1,
    body: `snow ${i}`,
    scopes: ['user alice'],
    sent_at: new Date(1_700_000_000_000 + i).toISOString(),
    hash: { b: 1, a: [1, { z: 'ü', y: null }] },
  }))
  await Promise.all(all.map((message) => messages.insert(message))) // SQLite stores them in this order
  await store
    .collection<Document & { fields: object }>(specOf('profiles'))
    .insert({ _id: 'alice', fields: { name: 'A' } })
}

test('all collections of all handlers are moved', () => {
  expect(specs.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['contact_pairs', 'groups', 'messages', 'presence', 'profiles', 'calls', 'conferences']),
  )
})

test('exported and imported data are the same, and are found in their order of arrival', async () => {
  const [from, to, dump] = [await filledStoreIn('from.db'), await storeIn('to'), join(dir, 'dump')]
  const manifest = await exportTo(dump, from, specs, quiet)
  expect(manifest['messages']).toMatchObject({ documents: MESSAGES })
  const imported = await importFrom(dump, to, specs, quiet)
  expect(imported.find(({ collection }) => collection === 'messages')).toMatchObject({ documents: MESSAGES, wrong: [] })
  expect((await checkWith(dump, to, specs, quiet)).flatMap(({ wrong }) => wrong)).toEqual([])
  const search = { words: 'snow', within: ['user alice'], limit: 3 }
  const { docs } = await to.collection<Document & { body: string }>(specOf('messages')).search(search)
  expect(docs.map(({ body }) => body)).toEqual([1, 2, 3].map((back) => `snow ${MESSAGES - back}`))
  await expect(exportTo(dump, from, specs, quiet)).rejects.toThrow('complete export already')
})

test('an export that was interrupted in the middle of a line continues where it stopped', async () => {
  const [from, dump] = [await filledStoreIn('from.db'), join(dir, 'dump')]
  const stop = (collection: string, documents: number): void => {
    if (collection === 'messages' && documents >= 1_000) throw new Error('stopped')
  }
  await expect(exportTo(dump, from, specs, stop)).rejects.toThrow('stopped')
  await expect(importFrom(dump, await storeIn('to'), specs, quiet)).rejects.toThrow('no complete export')
  await appendFile(join(dump, 'messages.jsonl'), '{"_id":"m5","bo')
  const manifest = await exportTo(dump, from, specs, quiet)
  const other = await exportTo(join(dir, 'at once'), from, specs, quiet)
  expect(manifest).toEqual(other)
})

test('an export cannot continue after handlers have written again', async () => {
  const [from, dump] = [await filledStoreIn('from.db'), join(dir, 'dump')]
  const stop = (collection: string): void => {
    if (collection === 'profiles') throw new Error('stopped')
  }
  await expect(exportTo(dump, from, specs, stop)).rejects.toThrow('stopped')
  const messages = from.collection<Document & { body: string }>(specOf('messages'))
  await messages.change('m0', (now) => ({ ...now!, body: 'edited' }))
  await expect(exportTo(dump, from, specs, quiet)).rejects.toThrow('messages changed meanwhile')
  await expect(importFrom(dump, await storeIn('to'), specs, quiet)).rejects.toThrow('no complete export')
})

test('a document is one line, whatever line separators its text holds', async () => {
  const [from, to, dump] = [await storeIn('from.db'), await storeIn('to'), join(dir, 'dump')]
  const text = { _id: 'p1', fields: { name: 'a\u2028b\u2029c\r\nd\u0085e\ud800' } }
  await from.collection<Document>(specOf('profiles')).insert(text)
  await exportTo(dump, from, specs, quiet)
  expect(await readFile(join(dump, 'profiles.jsonl'), 'utf8')).toMatch(/^[^\r\u2028\u2029]+\n$/)
  await importFrom(dump, to, specs, quiet)
  expect(await to.collection<Document>(specOf('profiles')).get('p1')).toEqual(text)
})

test('only its owner can read a dump', async () => {
  const [from, dump] = [await filledStoreIn('from.db'), join(dir, 'dump')]
  await exportTo(dump, from, specs, quiet)
  for (const name of ['', ...(await readdir(dump))]) expect((await stat(join(dump, name))).mode & 0o077).toBe(0)
})

test('an interrupted import can be run again; differing documents are reported and kept', async () => {
  const [from, to, dump] = [await filledStoreIn('from.db'), await storeIn('to'), join(dir, 'dump')]
  await exportTo(dump, from, specs, quiet)
  const stop = (collection: string, documents: number): void => {
    if (collection === 'messages' && documents >= 500) throw new Error('stopped')
  }
  await expect(importFrom(dump, to, specs, stop)).rejects.toThrow('stopped')
  const profiles = to.collection<Document & { fields: object }>(specOf('profiles'))
  await profiles.change('alice', () => ({ _id: 'alice', fields: { name: 'Another' } }))
  const reports = await importFrom(dump, to, specs, quiet)
  const of = (name: string) => reports.find(({ collection }) => collection === name)
  expect(of('messages')).toMatchObject({ documents: MESSAGES, already: 500, wrong: [] })
  expect(of('profiles')).toMatchObject({ wrong: ['alice exists already with other content'] })
  expect(await profiles.get('alice')).toMatchObject({ fields: { name: 'Another' } })
  const wrong = (await checkWith(dump, to, specs, quiet)).filter(({ wrong }) => wrong.length > 0)
  expect(wrong).toMatchObject([{ collection: 'profiles', wrong: ['as many documents, but not the same'] }])
})

test('a dump that was changed is not imported', async () => {
  const [from, dump] = [await filledStoreIn('from.db'), join(dir, 'dump')]
  await exportTo(dump, from, specs, quiet)
  const file = join(dump, 'messages.jsonl')
  await writeFile(file, (await readFile(file, 'utf8')).replace('snow 7"', 'snow 8"'))
  await expect(importFrom(dump, await storeIn('to'), specs, quiet)).rejects.toThrow(
    'messages.jsonl was changed after the export',
  )
})

test('the command reports what it moved, and what is wrong', async () => {
  mkdirSync(join(dir, 'a'))
  await filledStoreIn(join('a', FILE))
  const run = async (at: string, ...args: string[]) => {
    const one = new Run(['scripts/data.ts', ...args], { env: { DATA_DIR: join(dir, at) } })
    return { code: await one.ended, said: one.stdout + one.stderr }
  }
  const dump = join(dir, 'dump')
  expect(await run('a', 'export', dump)).toMatchObject({
    code: 0,
    said: expect.stringMatching(/^messages +1234 documents$/m),
  })
  expect(await run('b', 'check', dump)).toMatchObject({
    code: 1,
    said: expect.stringMatching(/^check of SQLite, .*\/b\/handlers.db\n[^]*0 documents instead of 1234/),
  })
  expect(await run('b', 'import', dump)).toMatchObject({
    code: 0,
    said: expect.stringContaining('all as it should be'),
  })
  expect(await run('b', 'check', dump)).toMatchObject({ code: 0 })
  expect(await run('b', 'move', dump)).toMatchObject({ code: 1, said: expect.stringContaining('usage: npm run data') })
})
