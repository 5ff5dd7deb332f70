import { setTimeout as pause } from 'node:timers/promises'
import { type Document as Bson, ObjectId } from 'mongodb'
import type { Logger } from '../log.ts'
import { Unavailable } from '../wire/refusal.ts'
import { type Collection, type CollectionSpec, Conflict, type Document, type Found, type Store } from './documents.ts'
import { DEADLINE, type MongoLink, openMongoLink } from './mongo-client.ts'
import { decodeDocument, encodeDocument, ETAG, PLACE, type Stored, WORDS } from './mongo-documents.ts'
import { inTime } from './in-time.ts'
import { inTurn } from './in-turn.ts'
import { duplicatesIn, isDuplicate, isOfKey } from './mongo-errors.ts'
import { aboutCollections, makeCollection } from './mongo-opening.ts'
import { BY_PLACE, byPlace, cursorAt, searchFilters, wordFilters } from './mongo-search.ts'
import { checkCount, checkDocument, checkKey, checkMany, checkQuery, checkSpec, checkTextQuery } from './rules.ts'

/** Milliseconds for a change to succeed among those of other processes, and before that to wait for its turn in this one. */
const CONTENDED = 5_000
/** Documents read or inserted by key in one round trip. */
const AT_ONCE = 200
/** Milliseconds that the first users of a collection wait for its indexes. */
const MAKING = 8_000
const LONGEST_PAUSE = 64

/**
 * Opens the store in a MongoDB, waiting until it can be reached, with a line in the log. An operation that rejects with `Unavailable`
 * may have been done all the same, as when a process is killed before it hears of its own write.
 * @param url its path names the database, by default `switchboard`
 * @param connections the most at a time
 * @param hear gets each command as it is sent, with what users wrote; for tests and benchmarks
 * @throws when the URL is invalid, or the server refuses its credentials
 */
export async function openMongo(
  url: string,
  log: Logger,
  connections = 64,
  hear?: (command: Bson) => void,
): Promise<Store> {
  const link = await openMongoLink(url, log, connections, hear)
  const specs = new Map<string, string>()
  const made = new Map<string, () => Promise<void>>()
  return {
    collection<D extends Document>(spec: CollectionSpec): Collection<D> {
      const text = checkSpec(spec)
      const before = specs.get(spec.name)
      if (before !== undefined && before !== text) {
        throw new Error(`collection ${spec.name} was opened before with another spec`)
      }
      specs.set(spec.name, text)
      const making = made.get(spec.name) ?? untilDone(spec.name, () => makeCollection(link, spec))
      made.set(spec.name, making)
      return openCollection<D>(link, spec, making)
    },
    async ready() {
      await link.ask(() => link.db.command({ ping: 1 }))
      await Promise.all([...made.values()].map((make) => make()))
    },
    close: () => link.close(),
  }
}

function openCollection<D extends Document>(
  link: MongoLink,
  spec: CollectionSpec,
  ready: () => Promise<void>,
): Collection<D> {
  const { name, text } = spec
  const docs = link.db.collection<Stored>(name)
  const about = aboutCollections(link)
  const fields = { projection: { [WORDS]: 0 }, maxTimeMS: DEADLINE } // the server need not go on when nobody waits any more
  const read = (id: string): Promise<Stored | null> => link.read(() => docs.findOne({ _id: id }, fields))
  const readMany = (ids: readonly string[]): Promise<Stored[]> =>
    link.read(() => docs.find({ _id: { $in: [...ids] } }, { ...fields, batchSize: ids.length }).toArray())
  const decoded = (stored: Stored): D => decodeDocument(stored) as D
  const turns = inTurn(CONTENDED)

  /** A new place, greater than that of any document the collection has ever had. */
  async function nextPlace(): Promise<number> {
    if (!text) return 0
    const one = { $inc: { last: 1 } }
    const after = await link.ask(() =>
      about.findOneAndUpdate({ _id: name }, one, { upsert: true, returnDocument: 'after' }),
    )
    return after!.last
  }

  // The driver sends a write again when its connection breaks or the primary changes. MongoDB recognises it by its number, but not
  // every server does: then a write meets its own document, and recognises it by the etag.
  const isSame = (one: Stored | null, other: Stored): boolean =>
    one?.[ETAG] instanceof ObjectId && one[ETAG].equals(other[ETAG] as ObjectId)

  /** Stores a new document. Resolves with what exists already, if so: its key, or its values in a unique index. */
  async function put(json: string): Promise<'key' | 'values' | undefined> {
    const doc = encodeDocument(spec, json, await nextPlace())
    try {
      await link.ask(() => docs.insertOne(doc))
      return undefined
    } catch (error) {
      if (!isDuplicate(error)) throw error
      if (isSame(await read(doc._id), doc)) return undefined
      return isOfKey(error) ? 'key' : 'values'
    }
  }

  /** Stores new documents in one round trip, unless some of them exist. Returns for each whether it was stored. */
  async function putMany(texts: readonly string[]): Promise<boolean[]> {
    const all: Stored[] = []
    for (const json of texts) all.push(encodeDocument(spec, json, await nextPlace()))
    try {
      await link.ask(() => docs.insertMany(all, { ordered: false }))
      return all.map(() => true)
    } catch (error) {
      const refused = duplicatesIn(error)
      if (!refused) throw error
      const found = await readMany(refused.map((i) => all[i]!._id))
      const there = new Map(found.map((doc) => [doc._id, doc]))
      return all.map((doc, i) => !refused.includes(i) || isSame(there.get(doc._id) ?? null, doc))
    }
  }

  /** Matches the document while it is as it was read. */
  const asRead = ({ _id, [ETAG]: etag }: Stored): Bson => ({ _id, [ETAG]: (etag ?? null) as unknown })

  async function replace(before: Stored, doc: Stored): Promise<boolean> {
    try {
      return (await link.ask(() => docs.replaceOne(asRead(before), doc))).matchedCount === 1
    } catch (error) {
      throw isDuplicate(error) ? conflict() : error
    }
  }

  // Removes only what was read: a removal that arrives late, from a connection that was given up, must not remove what was stored since.
  const drop = async (before: Stored): Promise<boolean> =>
    (await link.ask(() => docs.deleteOne(asRead(before)))).deletedCount === 1

  // Without the server's error as its cause, because that holds the values.
  const conflict = () => new Conflict(`a unique index of ${name} has these values already`)

  /** Repeats an attempt until no other process has interfered. Attempts of this process take turns, since they would only conflict. */
  async function untilThrough<T>(id: string, attempt: () => Promise<{ value: T } | undefined>): Promise<T> {
    checkKey(id)
    await ready()
    return turns(id, async () => {
      const end = performance.now() + CONTENDED
      for (let longest = 1; ; longest = Math.min(2 * longest, LONGEST_PAUSE)) {
        const through = await attempt()
        if (through) return through.value
        if (performance.now() > end) throw new Unavailable(`a document of ${name} is changed too often`)
        await pause(Math.random() * longest)
      }
    })
  }

  return {
    async get(id) {
      checkKey(id)
      await ready()
      const found = await read(id)
      return found ? decoded(found) : undefined
    },

    async getMany(ids) {
      const keys = checkMany(ids).map(checkKey)
      await ready()
      const all = await Promise.all(inParts(keys).map(readMany))
      return new Map(all.flat().map((doc) => [doc._id, decoded(doc)]))
    },

    async insert(doc) {
      const json = checkDocument(spec, doc)
      await ready()
      return (await put(json)) === undefined
    },

    async insertMany(all) {
      const texts = checkMany(all).map((doc) => checkDocument(spec, doc))
      await ready()
      const stored: boolean[] = []
      for (const some of inParts(texts)) stored.push(...(await putMany(some)))
      return stored
    },

    async change(id, decide) {
      let written: { doc: Stored; after: { value: D } } | undefined
      return untilThrough(id, async () => {
        const before = await read(id)
        if (written && isSame(before, written.doc)) return written.after
        const now = before ? decoded(before) : undefined
        const was = JSON.stringify(now) // before `now` is changed in place
        const next = decide(now)
        if (next === undefined) return !before || (await drop(before)) ? { value: undefined } : undefined
        const json = checkDocument(spec, next, id)
        const after = { value: JSON.parse(json) as D }
        if (json === was) return after
        if (before) {
          written = { doc: encodeDocument(spec, json, Number(before[PLACE] ?? 0)), after }
          return (await replace(before, written.doc)) ? after : undefined
        }
        const there = await put(json)
        if (there === 'values') throw conflict()
        return there === undefined ? after : undefined
      })
    },

    async remove(id) {
      return untilThrough(id, async () => {
        const before = await read(id)
        if (!before) return { value: false }
        return (await drop(before)) ? { value: true } : undefined
      })
    },

    async find(query) {
      const { filters, usual, sort } = searchFilters(checkQuery(spec, query))
      await ready()
      const { limit } = query
      const options = { ...fields, sort, limit, batchSize: limit }
      const found = new Map<string, Stored>() // a document may move from one stretch to another meanwhile
      for (const some of [filters.slice(0, usual), filters.slice(usual)]) {
        if (found.size >= limit) break
        const pages = some.map((filter) => link.read(() => docs.find(filter, options).toArray()))
        for (const doc of (await Promise.all(pages)).flat()) found.set(doc._id, doc)
      }
      return [...found.values()].slice(0, limit).map(decoded)
    },

    async count(query) {
      const { filters } = searchFilters(checkCount(spec, query))
      await ready()
      const { limit } = query
      const counts = filters.map((filter) => link.read(() => docs.countDocuments(filter, { limit })))
      return Math.min(
        limit,
        (await Promise.all(counts)).reduce((sum, count) => sum + count, 0),
      )
    },

    async search(query): Promise<Found<D>> {
      const search = checkTextQuery(spec, query)
      await ready()
      if (search.words.length === 0) return { docs: [] }
      const limit = search.limit + 1
      const options = { ...fields, sort: BY_PLACE, limit, batchSize: limit }
      let newest: Stored[] = []
      for (const filter of wordFilters(search)) {
        newest.push(...(await link.read(() => docs.find(filter, options).toArray())))
        const all = new Map(newest.map((doc) => [doc._id, doc]))
        newest = [...all.values()].sort(byPlace).slice(0, limit)
      }
      const page = newest.slice(0, search.limit)
      const cursor = newest.length > page.length ? cursorAt(page.at(-1)!) : undefined
      return { docs: page.map(decoded), ...(cursor !== undefined && { cursor }) }
    },
  }
}

/** Splits a list into parts of AT_ONCE. */
function inParts<Item>(all: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, i) => all.slice(i * AT_ONCE, (i + 1) * AT_ONCE))
}

/** Does some work once for everyone, beginning at once, and again after a failure. Nobody waits for it longer than for an operation. */
function untilDone(name: string, work: () => Promise<void>): () => Promise<void> {
  let doing: Promise<void> | undefined
  let isDone = false
  async function all(): Promise<void> {
    try {
      await work()
      isDone = true
    } finally {
      doing = undefined
    }
  }
  const ready = async (): Promise<void> => {
    if (!isDone) await inTime(MAKING, (doing ??= all()), `collection ${name} was not made ready`)
  }
  ready().catch(() => {}) // reported to whoever uses the collection
  return ready
}
