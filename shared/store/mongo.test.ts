// @needs MongoDB
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { MongoClient, ObjectId } from 'mongodb'
import { openLog } from '../log.ts'
import { sharedMongoServer } from '../../test/mongo-server.ts'
import { dropDatabase, ownDatabase } from '../../test/own-data.ts'
import { storeContract } from './contract.ts'
import { type Collection, type CollectionSpec, Conflict, type Document, type Store } from './documents.ts'
import { tokensFor } from './mongo-text.ts'
import { openMongo } from './mongo.ts'
import { searchable } from './rules.ts'

const server = await sharedMongoServer()
const { url, what } = server
afterAll(() => server.close())

const quiet = openLog('silent', 'test')

storeContract(`MongoDB, by ${what}`, async () => {
  const open: Store[] = []
  const own = ownDatabase(url)
  const another = async () => {
    const store = await openMongo(own, quiet)
    open.push(store)
    return store
  }
  return {
    store: await another(),
    second: another,
    async foldAsBefore({ name, text }, wordsOf) {
      const client = new MongoClient(own)
      const docs = client.db().collection<Document & Record<string, unknown>>(name)
      for (const doc of await docs.find().toArray()) {
        const found = searchable(text, doc)
        const words = found?.within.flatMap((value) => tokensFor(value, wordsOf(found.text))) ?? []
        await docs.updateOne(
          { _id: doc._id },
          words.length > 0 ? { $set: { __words: words } } : { $unset: { __words: true } },
        )
      }
      await client
        .db()
        .collection<Document>('__collections')
        .updateOne({ _id: name }, { $unset: { folding: true } })
      await client.close()
    },
    async cleanUp() {
      for (const store of open) await store.close()
      await dropDatabase(own)
    },
  }
})

describe('MongoDB', () => {
  interface Letter extends Document {
    readonly owner?: string
    readonly slug?: string
    readonly body?: string
    readonly readers?: readonly string[]
  }
  const plain: CollectionSpec = { name: 'letters', indexes: { by_owner: { fields: ['owner'] } } }
  const SPEC: CollectionSpec = {
    name: 'letters',
    indexes: { by_owner: { fields: ['owner'] }, by_slug: { fields: ['owner', 'slug'], unique: true } },
    text: { field: 'body', within: 'readers' },
  }
  const FOX = { words: 'fox', within: ['alice'], limit: 1_000 }
  let own: string
  let client: MongoClient
  const opened: Store[] = []
  beforeEach(() => {
    own = ownDatabase(url)
    client = new MongoClient(own)
  })
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
    await client.close()
    await dropDatabase(own)
  })

  async function letters(spec = SPEC): Promise<Collection<Letter>> {
    const store = await openMongo(own, quiet)
    opened.push(store)
    return store.collection<Letter>(spec)
  }
  const indexesNow = async () => new Set((await client.db().collection('letters').indexes()).map(({ name }) => name))
  const older = (i: number): Letter => ({
    _id: `n${i + 100}`,
    owner: `o${i}`,
    slug: 's',
    body: 'a fox',
    readers: ['alice'],
  })

  test('keeps documents as they are, with its own fields beside them', async () => {
    const all = await letters()
    await all.insert({ ...older(0), body: 'fox', readers: ['alice', 'bob'] })
    await all.insert({ _id: 'n2', owner: 'o2' })
    const stored = await client.db().collection<{ _id: string }>('letters').find().sort({ _id: 1 }).toArray()
    const etag: unknown = expect.any(ObjectId)
    const own = {
      __etag: etag,
      __place: 1,
      __by_slug: '["o0","s"]',
      __words: [expect.stringMatching(/^.{22}fox$/), expect.any(String)],
    }
    expect(stored).toEqual([
      { ...older(0), body: 'fox', readers: ['alice', 'bob'], ...own },
      { _id: 'n2', owner: 'o2', __etag: etag, __place: 2 },
    ])
  })

  test('accepts a document that another program has stored', async () => {
    const all = await letters()
    await client.db().collection<{ _id: string; owner: string }>('letters').insertOne({ _id: 'n1', owner: 'alice' })
    expect(await all.change('n1', (now) => now && { ...now, slug: 's' })).toEqual({
      _id: 'n1',
      owner: 'alice',
      slug: 's',
    })
    expect(await all.insert({ _id: 'n2', owner: 'alice', slug: 's' })).toBe(false)
    expect(await all.remove('n1')).toBe(true)
  })

  test('creates its indexes once when ten open it at the same time', async () => {
    const sides = await Promise.all(Array.from({ length: 10 }, () => letters()))
    const won = await Promise.all(sides.map((side, i) => side.insert({ ...older(0), _id: `n${i}` })))
    expect(won.filter(Boolean)).toHaveLength(1)
    expect(await indexesNow()).toEqual(new Set(['_id_', 'by_owner', 'by_slug', '__by_slug', '__words']))
  })

  test('adds the fields of a new unique index and text to older documents, also after an interruption', async () => {
    const before = await letters(plain)
    const all = Array.from({ length: 450 }, (_, i) => older(i))
    for (const letter of all) await before.insert(letter)
    const stopped = await openMongo(own, quiet)
    stopped.collection<Letter>(SPEC)
    await stopped.close()
    const sides = await Promise.all([letters(), letters(), letters()])
    const keys = all.map(({ _id }) => _id).toReversed()
    for (const side of sides) expect((await side.search(FOX)).docs.map(({ _id }) => _id)).toEqual(keys)
    expect(await sides[0].insert({ ...older(7), _id: 'another' })).toBe(false)
    await sides[1].insert({ ...older(0), _id: 'a', owner: 'new' })
    expect((await sides[2].search({ ...FOX, limit: 2 })).docs.map(({ _id }) => _id)).toEqual(['a', 'n549'])
  })

  test.each([1, 7, 200])('pages by %i through documents that are older than their text', async (limit) => {
    const before = await letters(plain)
    for (let i = 0; i < 20; i++) await before.insert(older(i))
    const all = await letters()
    await all.insert({ ...older(20), _id: 'a' })
    const seen: string[] = []
    for (let after: string | undefined, isMore = true; isMore; isMore = after !== undefined) {
      const { docs, cursor } = await all.search({ ...FOX, limit, after })
      seen.push(...docs.map(({ _id }) => _id))
      after = cursor
    }
    expect(seen).toEqual(['a', ...Array.from({ length: 20 }, (_, i) => `n${119 - i}`)])
  })

  test('refuses a unique index that existing documents violate, without naming a value', async () => {
    const before = await letters(plain)
    for (const _id of ['a', 'b']) await before.insert({ ...older(0), _id })
    const all = await letters()
    await expect(all.get('a')).rejects.toThrow(/^documents of letters have the same values of a unique index$/)
  })

  test('is not misled about a duplicate by a value that looks like the name of the key', async () => {
    const all = await letters()
    await all.insert({ _id: 'n1', owner: 'alice', slug: "index: _id_, Index '_id_'" })
    const same = (_id: string) => () => ({ _id, owner: 'alice', slug: "index: _id_, Index '_id_'" })
    await expect(all.change('n2', same('n2'))).rejects.toThrow(Conflict)
  })

  test('writes nothing when a change leaves the document as it is', async () => {
    const all = await letters()
    await all.insert(older(0))
    const etag = async () => (await client.db().collection('letters').findOne({}))!['__etag'] as unknown
    const before = await etag()
    await all.change('n100', (now) => now && { ...now })
    expect(await etag()).toEqual(before)
    await all.change('n100', (now) => now && { ...now, slug: 't' })
    expect(await etag()).not.toEqual(before)
  })

  test('keeps its promises, whatever the URL says', async () => {
    const less = 'w=1&journal=false&wtimeoutMS=1&readConcernLevel=local&readPreference=secondaryPreferred'
    const heard: Record<string, unknown>[] = []
    const store = await openMongo(`${own}${own.includes('?') ? '&' : '?'}${less}`, quiet, 8, (command) =>
      heard.push(command),
    )
    opened.push(store)
    const all = store.collection<Letter>(plain)
    await all.insert(older(0))
    expect(await all.get('n100')).toEqual(older(0))
    expect(heard.find(({ insert }) => insert === 'letters')).toMatchObject({ writeConcern: { w: 'majority', j: true } })
    expect(heard.find(({ find }) => find === 'letters')).toMatchObject({ readConcern: { level: 'majority' } })
    for (const { $readPreference } of heard) expect($readPreference ?? { mode: 'primary' }).toEqual({ mode: 'primary' })
  })

  test('reads a page in as few round trips as there are stretches of the index in it', async () => {
    const heard: Record<string, unknown>[] = []
    const store = await openMongo(own, quiet, 8, (command) => heard.push(command))
    opened.push(store)
    const all = store.collection<Letter>({ name: 'letters', indexes: { by_slug: { fields: ['owner', 'slug'] } } })
    const many = Array.from({ length: 400 }, (_, i) => ({ _id: `n${i}`, owner: 'o', slug: `s${1_000 + i}` }))
    await all.insertMany(many)
    const finds = async (work: () => Promise<unknown>): Promise<number> => {
      const before = heard.filter(({ find }) => find === 'letters').length
      await work()
      return heard.filter(({ find }) => find === 'letters').length - before
    }
    expect(heard.filter(({ insert }) => insert === 'letters')).toHaveLength(2)
    const page = { by: 'by_slug', where: { owner: 'o' }, limit: 50 }
    expect(await finds(() => all.find(page))).toBe(1)
    expect(await finds(() => all.find({ ...page, beyond: { slug: 's1100' } }))).toBe(1)
    expect(await finds(() => all.find({ ...page, after: many[100]! }))).toBe(2)
    expect(await finds(() => all.find({ ...page, beyond: { slug: 's1380' } }))).toBe(2) // the last page
    expect(await finds(() => all.getMany(many.map(({ _id }) => _id)))).toBe(2)
  })

  test('names the setting when its URL names no database', async () => {
    await expect(openMongo(url.replace(/(\w)\/?(\?|$)/, '$1/a.b$2'), quiet)).rejects.toThrow(/^MONGODB_URL: /)
  })

  test('keeps its data in the database that the URL names', async () => {
    await (await letters()).insert(older(0))
    expect(await client.db(new URL(own).pathname.slice(1)).collection('letters').countDocuments({})).toBe(1)
  })
})
