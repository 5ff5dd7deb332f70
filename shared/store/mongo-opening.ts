import { type Collection as MongoCollection, type IndexDescription, ObjectId } from 'mongodb'
import type { CollectionSpec } from './documents.ts'
import type { MongoLink } from './mongo-client.ts'
import {
  decodeDocument,
  ETAG,
  ownFields,
  PLACE,
  type Stored,
  uniqueField,
  uniqueIndexes,
  WORDS,
} from './mongo-documents.ts'
import { FOLDING } from '../wire/words.ts'
import { isDuplicate, isOtherIndex } from './mongo-errors.ts'

/** What is known about a collection, in a document with its name. */
export interface About {
  _id: string
  /** The place of the latest inserted document. */
  last: number
  text?: string
  /** The folding by which all documents are indexed; the first one had no number. */
  folding?: number
  /** The store's own fields that all documents have. */
  filled: string[]
}

/** A name that no spec can have. */
const ABOUT = '__collections'
const TEXT_INDEX = '__words'
const AT_ONCE = 200

export function aboutCollections({ db }: MongoLink): MongoCollection<About> {
  return db.collection<About>(ABOUT)
}

/**
 * Creates what is missing of a collection; several processes may do so at once. Documents that are older than a unique index, the text
 * or its folding get the store's fields, in the order of their keys. Nobody uses the collection before that is done.
 */
export async function makeCollection(link: MongoLink, spec: CollectionSpec): Promise<void> {
  const { name } = spec
  const { filled, folding = 1 } = await aboutOf(link, spec)
  const docs = link.db.collection<Stored>(name)
  const indexes = indexesFor(spec)
  try {
    if (indexes.length > 0) await link.ask(() => docs.createIndexes(indexes))
  } catch (error) {
    if (!isOtherIndex(error)) throw error
    throw new Error(`an index of ${name} has other fields in the database: give the changed index a new name`, {
      cause: error,
    })
  }
  const own = [...uniqueIndexes(spec).map(([index]) => uniqueField(index)), ...(spec.text ? [PLACE] : [])]
  const missing = own.filter((field) => !filled.includes(field))
  if (spec.text && folding > FOLDING)
    throw new Error(`a newer version has indexed the words of ${name}: run that version`)
  const foldsAgain = spec.text !== undefined && folding < FOLDING
  if (missing.length === 0 && !foldsAgain) return
  await fill(link, spec, docs, missing)
  const done = { $addToSet: { filled: { $each: missing } }, ...(foldsAgain && { $max: { folding: FOLDING } }) }
  await link.ask(() => aboutCollections(link).updateOne({ _id: name }, done))
}

/** @throws when the spec has another text than the database, or none */
async function aboutOf(link: MongoLink, { name, text }: CollectionSpec): Promise<About> {
  const all = aboutCollections(link)
  const wanted = text && `${text.field} within ${text.within}`
  const made = { last: 0, filled: [] }
  await link.ask(() => all.updateOne({ _id: name }, { $setOnInsert: made }, { upsert: true })).catch(unlessDuplicate)
  if (wanted !== undefined)
    await link.ask(() => all.updateOne({ _id: name, text: { $exists: false } }, { $set: { text: wanted } }))
  const about = await link.read(() => all.findOne({ _id: name }))
  if (about?.text !== wanted) throw new Error(`the text of ${name} is another in the database, and cannot be changed`)
  return about ?? { _id: name, ...made }
}

function unlessDuplicate(error: unknown): void {
  if (!isDuplicate(error)) throw error // another process was faster
}

// A unique index is made of two: one to search, with every document, and one for uniqueness, with the documents that have all its
// fields. Search indexes end in `_id`, and so have the order that `find` promises.
function indexesFor(spec: CollectionSpec): IndexDescription[] {
  const search = Object.entries(spec.indexes ?? {}).map(([name, { fields }]) => ({
    name,
    key: new Map([...fields, '_id'].map((field) => [field, 1])),
  }))
  const apart = uniqueIndexes(spec).map(([index]) => {
    const field = uniqueField(index)
    return { name: field, key: { [field]: 1 }, unique: true, sparse: true }
  })
  const words = new Map([WORDS, PLACE, '_id'].map((field, i) => [field, i === 0 ? 1 : -1]))
  return [...search, ...apart, ...(spec.text ? [{ name: TEXT_INDEX, key: words }] : [])]
}

async function fill(
  link: MongoLink,
  spec: CollectionSpec,
  docs: MongoCollection<Stored>,
  fields: string[],
): Promise<void> {
  for (let after: string | undefined; ;) {
    const behind = after === undefined ? {} : { _id: { $gt: after } }
    const page = await link.read(() => docs.find(behind, { sort: { _id: 1 }, limit: AT_ONCE }).toArray())
    const writes = page.flatMap((stored) => {
      const own = ownFields(spec, decodeDocument(stored), Number(stored[PLACE] ?? 0))
      const isFilled = fields.every((field) => field in stored || !(field in own))
      if (isFilled && JSON.stringify(stored[WORDS]) === JSON.stringify(own[WORDS])) return []
      // A process that has changed the document meanwhile has added its fields, too.
      const filter = { _id: stored._id, [ETAG]: stored[ETAG] ?? null }
      const gone = own[WORDS] === undefined && { $unset: { [WORDS]: true as const } }
      return [{ updateOne: { filter, update: { $set: { ...own, [ETAG]: new ObjectId() }, ...gone } } }]
    })
    try {
      if (writes.length > 0) await link.ask(() => docs.bulkWrite(writes, { ordered: false }))
    } catch (error) {
      if (!isDuplicate(error)) throw error
      throw new Error(`documents of ${spec.name} have the same values of a unique index`) // oxlint-disable-line preserve-caught-error -- the cause shows the values
    }
    if (page.length < AT_ONCE) return
    after = page.at(-1)!._id
  }
}
