import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { storeContract } from './contract.ts'
import type { CollectionSpec, Document, Query, Store } from './documents.ts'
import { checkQuery } from './rules.ts'
import { openSqliteFile, type SqliteFile } from './sqlite-file.ts'
import { searchStatement } from './sqlite-search.ts'
import { makeText, tokensFor, tokensStatement, wordsStatement } from './sqlite-text.ts'
import { searchable } from './rules.ts'
import { openSqlite } from './sqlite.ts'

storeContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'store-'))
  const open: Store[] = []
  const another = () => {
    const store = openSqlite(join(folder, 'test.db'))
    open.push(store)
    return store
  }
  return {
    store: another(),
    second: async () => another(),
    async foldAsBefore({ name, text }, wordsOf) {
      const file = openSqliteFile(join(folder, 'test.db'))
      file.write((sql) => {
        sql.run(`DROP TABLE "${name}.text.tokens"`)
        sql.run(tokensStatement({ name, text }, 1))
        const rows = sql.all(`SELECT place, doc FROM "${name}" JOIN "${name}.text.places" USING (_id)`)
        for (const row of rows) {
          const found = searchable(text, JSON.parse(row.doc as string) as Document)
          const tokens = found?.within.flatMap((value) => tokensFor(value, wordsOf(found.text))) ?? []
          const values = [row.place as number, tokens.join(' ')]
          sql.run(`INSERT INTO "${name}.text.tokens" (rowid, tokens) VALUES (CAST(? AS INTEGER), ?)`, values)
        }
      })
      file.close()
    },
    async cleanUp() {
      for (const store of open) await store.close()
      rmSync(folder, { recursive: true })
    },
  }
})

interface Contact extends Document {
  readonly note: string
  readonly users: readonly string[]
}

describe('SQLite', () => {
  const spec: CollectionSpec = {
    name: 'contacts',
    indexes: { by_name: { fields: ['owner', 'name'] }, by_pair: { fields: ['owner', 'user'], unique: true } },
  }
  let folder: string
  let store: Store
  let beside: SqliteFile

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'store-'))
    store = openSqlite(join(folder, 'test.db'))
    store.collection(spec)
    beside = openSqliteFile(join(folder, 'test.db'), 10)
  })
  afterEach(async () => {
    beside.close()
    await store.close()
    rmSync(folder, { recursive: true })
  })

  const planOf = (query: Query): string => {
    const { sql: text, values } = searchStatement(spec.name, checkQuery(spec, query))
    const rows = beside.use((sql) => sql.all(`EXPLAIN QUERY PLAN ${text}`, values))
    return rows.map((row) => String(row.detail)).join('; ')
  }
  const after = { _id: 'x', owner: 'alice', name: 'bob', user: 'bob' }

  test.each<[plan: string, query: Omit<Query, 'limit'>]>([
    ['PRIMARY KEY (_id>?)', { after }],
    ['INDEX contacts.by_name ($.owner=?)', { by: 'by_name', where: { owner: 'alice' } }],
    ['INDEX contacts.by_name ($.owner=? AND ($.name,_id)>(?,?))', { by: 'by_name', where: { owner: 'alice' }, after }],
    [
      'INDEX contacts.by_name ($.owner=? AND $.name=? AND _id>?)',
      { by: 'by_name', where: { owner: 'a', name: 'b' }, after },
    ],
    ['INDEX contacts.by_name (($.owner,$.name,_id)>(?,?,?))', { by: 'by_name', after }],
    ['INDEX contacts.by_pair ($.owner=? AND $.user=?)', { by: 'by_pair', where: { owner: 'alice', user: 'bob' } }],
    ['INDEX contacts.by_pair ($.owner=? AND ($.user,_id)>(?,?))', { by: 'by_pair', where: { owner: 'alice' }, after }],
  ])('searches by %s in both directions, and sorts nothing', (plan, query) => {
    expect(planOf({ ...query, limit: 10 })).toBe(`SEARCH contacts USING ${plan}`)
    const mirrored = plan.replace(/(_id|\))>/, '$1<')
    expect(planOf({ ...query, limit: 10, reverse: true })).toBe(`SEARCH contacts USING ${mirrored}`)
  })

  test('walks an index from its end when nothing narrows the search', () => {
    expect(planOf({ by: 'by_name', limit: 10 })).toBe('SCAN contacts USING INDEX contacts.by_name')
    expect(planOf({ limit: 10, reverse: true })).toBe('SCAN contacts')
  })

  test('writes nothing when a change leaves the document as it is', async () => {
    const contacts = store.collection(spec)
    await contacts.insert({ _id: 'c1' })
    const version = () => beside.use((sql) => sql.all('PRAGMA data_version'))
    const before = version()
    await contacts.change('c1', (now) => now)
    expect(version()).toEqual(before)
    await contacts.change('c1', () => undefined)
    expect(version()).not.toEqual(before)
  })

  test('a read leaves no transaction open that would block writing', async () => {
    const contacts = store.collection(spec)
    await contacts.insert({ _id: 'c1' })
    await contacts.get('c1')
    await contacts.find({ limit: 1 })
    beside.use((sql) => sql.run('UPDATE contacts SET doc = ? WHERE _id = ?', ['{"_id":"c1","n":1}', 'c1']))
    expect(await contacts.change('c1', (now) => now)).toEqual({ _id: 'c1', n: 1 })
    expect(beside.use((sql) => sql.all('PRAGMA wal_checkpoint(TRUNCATE)'))).toMatchObject([{ busy: 0 }])
  })

  test('reports that another process holds the lock, and works again afterwards', async () => {
    const contacts = store.collection(spec)
    const insert = () =>
      beside.use((sql) => sql.run('INSERT INTO contacts (_id, doc) VALUES (?, ?)', ['c2', '{"_id":"c2"}']))
    await contacts.change('c1', () => {
      expect(insert).toThrow('test.db cannot be used: another process held it for more than 10 ms')
      return { _id: 'c1' }
    })
    expect(insert()).toBe(1)
  })

  test('writes what is pending before it closes', async () => {
    const contacts = store.collection<Contact>(spec)
    const writing = [1, 2, 3].map((i) => contacts.insert({ _id: `c${i}`, note: '', users: [] }))
    await store.close()
    expect(await Promise.all(writing)).toEqual([true, true, true])
    expect(beside.use((sql) => sql.all('SELECT _id FROM contacts'))).toHaveLength(3)
  })

  test('does not let a change use the store while it decides', async () => {
    const contacts = store.collection(spec)
    const inside: Array<Promise<unknown>> = []
    await contacts.change('c1', () => {
      inside.push(contacts.insert({ _id: 'c2' }), contacts.get('c1'), store.close())
      return { _id: 'c1' }
    })
    const outcomes = await Promise.allSettled(inside)
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(await contacts.find({ limit: 10 })).toEqual([{ _id: 'c1' }])
  })

  test('refuses an index whose name has other fields in the file', async () => {
    const second = openSqlite(join(folder, 'test.db'))
    const changed = { name: 'contacts', indexes: { by_name: { fields: ['name', 'owner'] } } }
    expect(() => second.collection(changed)).toThrow('contacts.by_name')
    await second.close()
  })

  test('indexes what a killed process left unindexed', async () => {
    const searched = { ...spec, text: { field: 'note', within: 'users' } }
    const contacts = store.collection<Contact>(spec)
    const all = Array.from({ length: 450 }, (_, i) => ({ _id: `c${i + 100}`, note: 'a fox', users: ['alice'] }))
    for (const contact of all) await contacts.insert(contact)
    beside.write((sql) => makeText(sql, searched))
    await contacts.remove('c549') // by a process that knows nothing of the text

    const [one, two] = [openSqlite(join(folder, 'test.db')), openSqlite(join(folder, 'test.db'))]
    const keys = all.slice(0, -1).map((contact) => contact._id)
    for (const side of [one, two]) {
      const { docs } = await side
        .collection<Contact>(searched)
        .search({ words: 'fox', within: ['alice'], limit: 1_000 })
      expect(docs.map((doc) => doc._id)).toEqual(keys.toReversed())
    }
    expect(await two.collection<Contact>(searched).insert(all.at(-1)!)).toBe(true) // and none of its places is in the way
    await one.close()
    await two.close()
  })

  test('allows any index name beside a text', async () => {
    const fields = ['owner']
    const indexes = { text: { fields, unique: true }, places: { fields }, tokens: { fields, unique: true } }
    const both = { name: 'text', indexes, text: { field: 'rank', within: 'rowid' } }
    const docs = store.collection<Document & Record<string, unknown>>(both)
    await docs.insert({ _id: 'a', owner: 'alice', rank: 'fox', rowid: ['alice'] })
    expect((await docs.search({ words: 'fox', within: ['alice'], limit: 1 })).docs).toHaveLength(1)
    expect(await docs.insert({ _id: 'b', owner: 'alice' })).toBe(false)
  })

  test('lets other work run during a large search', async () => {
    const docs = store.collection({ name: 'docs', text: { field: 'body', within: 'users' } })
    const order: string[] = []
    const within = Array.from({ length: 1_000 }, (_, i) => `user ${i}`)
    const search = docs.search({ words: 'a b c d e f g h', within, limit: 1 }).then(() => order.push('search'))
    setImmediate(() => order.push('other'))
    await search
    expect(order).toEqual(['other', 'search'])
  })

  test('searches newest first without sorting, and reads no document that it does not find', async () => {
    store.collection({ ...spec, name: 'docs', text: { field: 'body', within: 'users' } })
    const rows = beside.use((sql) => sql.all(`EXPLAIN QUERY PLAN ${wordsStatement('docs')}`, ['"a"', 0, 9, 1]))
    expect(rows.map((row) => row.detail)).toEqual([
      expect.stringMatching(/^SCAN docs\.text\.tokens VIRTUAL TABLE INDEX .*M/),
      expect.stringContaining('SEARCH docs.text.places USING INTEGER PRIMARY KEY'),
      expect.stringContaining('SEARCH docs USING PRIMARY KEY'),
    ])
  })

  test('names the file that it cannot open', () => {
    expect(() => openSqlite(join(folder, 'missing', 'test.db'))).toThrow('missing')
  })
})
