import { type Db, type Document as Bson, MongoClient } from 'mongodb'
import { openLog } from '../../shared/log.ts'
import type { Collection, CollectionSpec, Document, Query, Scalar, Store } from '../../shared/store/documents.ts'
import { encodeDocument } from '../../shared/store/mongo-documents.ts'
import { openMongo } from '../../shared/store/mongo.ts'
import { faultOf, type Plan, planOf } from './plan.ts'

// MongoDB's plans for the store's queries: every use of every index of some collections, each with many documents that differ only in
// the index's last field. The server explains the very commands that the store sent.

const AT_ONCE = 1_000
const LIMIT = 20
const CROWD = 'crowd'
/** One in so many documents has a given rare word. */
const RARE = 1_000

/** One use of the store, and the server's plan for one of its commands. */
export interface Explained {
  readonly collection: string
  readonly use: string
  /** `find`, `update` …; for a write that the server does not explain, the search for its document is explained. */
  readonly command: string
  readonly plan: Plan
  readonly fault: string | undefined
}

/** What the server is, and why it explains nothing; undefined if it does. */
export async function whoExplains(url: string): Promise<{ server: string; silent: string | undefined }> {
  const client = new MongoClient(url)
  try {
    const { version, storageEngines } = await client.db('admin').command({ buildInfo: 1 })
    const isMongod = Array.isArray(storageEngines) && storageEngines.includes('wiredTiger')
    const server = `${isMongod ? 'mongod' : 'a server that is not mongod and says it is'} ${version}`
    const asked = client.db().command({ explain: { find: 'none', filter: {} }, verbosity: 'executionStats' })
    const silent = await asked.then(planOf).then(
      () => undefined,
      (error: Error) => error.message,
    )
    return { server, silent }
  } finally {
    await client.close()
  }
}

/**
 * Fills an empty database with so many documents of each collection, uses them, and has each command explained.
 * @param url of an empty database
 */
export async function explainAll(url: string, specs: readonly CollectionSpec[], size: number): Promise<Explained[]> {
  const heard: Bson[] = []
  const client = new MongoClient(url)
  const store = await openMongo(url, openLog('warn', 'bench'), 8, (command) => heard.push(command))
  const all: Explained[] = []
  try {
    for (const spec of specs) {
      await fill(client.db(), store, spec, size)
      for (const [use, call] of usesOf(store, spec, size)) {
        heard.length = 0
        await call()
        for (const command of heard.splice(0).filter((one) => isOf(one, spec.name))) {
          const { explained, as } = await explain(client.db(), command)
          const plan = planOf(explained)
          all.push({ collection: spec.name, use, command: as, plan, fault: faultOf(plan) })
        }
      }
    }
    return all
  } finally {
    await store.close()
    await client.close()
  }
}

const isOf = (command: Bson, collection: string): boolean =>
  ['find', 'update', 'delete'].some((name) => command[name] === collection)

async function explain(db: Db, command: Bson): Promise<{ explained: Bson; as: string }> {
  const ask = (what: Bson): Promise<Bson> => db.command({ explain: what, verbosity: 'executionStats' })
  const { find, filter, sort, limit, projection, update, updates, delete: removal, deletes } = command
  if (find) return { explained: await ask({ find, filter, projection, ...(sort && { sort, limit }) }), as: 'find' }
  const as = update ? 'update' : 'delete'
  try {
    return { explained: await ask(update ? { update, updates } : { delete: removal, deletes }), as }
  } catch {
    const [{ q }] = (updates ?? deletes) as [{ q: Bson }]
    return { explained: await ask({ find: update ?? removal, filter: q, limit: 1 }), as: `${as}, as find` }
  }
}

/** Inserts documents into the database directly, in the store's own form. */
async function fill(db: Db, store: Store, spec: CollectionSpec, size: number): Promise<void> {
  await store.collection(spec).get('none') // makes its indexes
  const documents = db.collection<Bson & Document>(spec.name)
  for (let from = 0; from < size; from += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, size - from) }, (_, i) => documentOf(spec, from + i))
    await documents.insertMany(
      some.map((doc, i) => encodeDocument(spec, JSON.stringify(doc), from + i + 1)),
      { ordered: false },
    )
  }
}

const name = (i: number): string => `n${String(i).padStart(8, '0')}`

/**
 * Of each index its share of the documents: alike in all of its fields but the last, and half of them in that too when it may be.
 * The rest is alike in nothing.
 */
function documentOf({ indexes = {}, text }: CollectionSpec, i: number): Document {
  const all = Object.values(indexes)
  const every = [...new Set(all.flatMap(({ fields }) => fields))]
  const mine = all[i % (all.length + 1)]
  const isAlike = (field: string): boolean => {
    if (!mine?.fields.includes(field)) return false
    return field !== mine.fields.at(-1) || (!mine.unique && Math.floor(i / (all.length + 1)) % 2 === 0)
  }
  const words = text && {
    [text.field]: `snow word${i % RARE}`,
    [text.within]: i % 2 ? [CROWD, name(i)] : [name(i)],
  }
  return {
    _id: name(i),
    ...Object.fromEntries(every.map((field) => [field, isAlike(field) ? CROWD : name(i)])),
    ...words,
  }
}

type Use = readonly [what: string, call: () => Promise<unknown>]

function usesOf(store: Store, spec: CollectionSpec, size: number): Use[] {
  const docs = store.collection(spec)
  const middle = name(Math.floor(size / 2))
  const change = (doc: Document | undefined): Document => ({ ...doc, _id: middle, changed: true }) as Document
  const found: Use[] = queriesOf(spec, middle).map((query) => [told(query), () => docs.find(query)])
  return [
    ['get', () => docs.get(middle)],
    ['change', () => docs.change(middle, change)],
    ...found,
    ...(spec.text ? searchesOf(docs, size) : []),
    ['remove', () => docs.remove(middle)],
  ]
}

/** Every search that the store can make of these indexes. */
function queriesOf({ indexes = {} }: CollectionSpec, middle: string): Query[] {
  const ways = [undefined, { _id: middle }].flatMap((after) => [false, true].map((reverse) => ({ after, reverse })))
  const byKey = ways.map(({ after, reverse }): Query => ({ reverse, limit: LIMIT, ...(after && { after }) }))
  const byIndex = Object.entries(indexes).flatMap(([by, { fields }]) =>
    Array.from({ length: fields.length + 1 }, (_, given) => given).flatMap((given) => {
      const where = Object.fromEntries(fields.slice(0, given).map((field): [string, Scalar] => [field, CROWD]))
      const rest = fields.slice(given).map((field) => [field, field === fields.at(-1) ? middle : CROWD])
      return ways.map(({ after, reverse }): Query => {
        const behind = after && { after: { ...after, ...Object.fromEntries(rest) } }
        return { by, where, reverse, limit: LIMIT, ...behind }
      })
    }),
  )
  return [...byKey, ...byIndex]
}

function told({ by = 'key', where = {}, after, reverse }: Query): string {
  const given = Object.keys(where).join(', ')
  return `${by}${given && ` of (${given})`}${reverse ? ' backwards' : ''}${after ? ', behind one' : ''}`
}

function searchesOf(docs: Collection<Document>, size: number): Use[] {
  const within = [CROWD, ...Array.from({ length: 50 }, (_, i) => name(i))]
  const after = String(Math.ceil(size / 2))
  return [
    ['a word of all', () => docs.search({ words: 'snow', within: [CROWD], limit: LIMIT })],
    ['a word of all, behind one', () => docs.search({ words: 'snow', within: [CROWD], limit: LIMIT, after })],
    ['a word of all, within 51', () => docs.search({ words: 'snow', within, limit: LIMIT })],
    ['a rare word', () => docs.search({ words: 'word7', within: [CROWD], limit: LIMIT })],
    ['a rare word and one of all', () => docs.search({ words: 'word7 snow', within: [CROWD], limit: LIMIT })],
    ['a word of none', () => docs.search({ words: 'none', within: [CROWD], limit: LIMIT })],
  ]
}
