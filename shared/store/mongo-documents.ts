import { Binary, ObjectId, type Document as Bson } from 'mongodb'
import type { CollectionSpec, Document } from './documents.ts'
import { searchable } from './rules.ts'
import { documentTokens } from './mongo-text.ts'

// A document is stored with its own fields, under their names. Beside them are the store's fields, which begin with `__`:
//   __etag          changes with every write: a writer names the one it has read
//   __<index>       for a unique index: the document's values in it, as JSON; missing when the document lacks one of them
//   __place         in a collection with a text: grows with each insert; 0 for documents older than the text
//   __words         the tokens by which searches find the document
// Uniqueness needs its own field, because a unique index counts missing fields as null, a sparse one skips only documents that lack
// all of its fields, and not every server has partial indexes.

/** The prefix of the store's own fields, which callers never see. */
const OWN = '__'
export const ETAG = '__etag'
export const PLACE = '__place'
export const WORDS = '__words'

/** A document as it is stored. */
export type Stored = Bson & Document

export const uniqueField = (index: string): string => `${OWN}${index}`

/** The unique indexes of a collection, by name. */
export function uniqueIndexes({ indexes = {} }: CollectionSpec): [name: string, fields: readonly string[]][] {
  return Object.entries(indexes).flatMap(([name, { fields, unique = false }]) => (unique ? [[name, fields]] : []))
}

/**
 * Encodes a document for storing, with a new etag.
 * @param json the result of `checkDocument`
 * @param place its place, in a collection with a text
 */
export function encodeDocument(spec: CollectionSpec, json: string, place: number): Stored {
  const doc = JSON.parse(json) as Document
  return { ...(encode(doc) as Document), [ETAG]: new ObjectId(), ...ownFields(spec, doc, place) }
}

/** The store's fields that indexes need. */
export function ownFields(spec: CollectionSpec, doc: Document, place: number): Bson {
  const own: Bson = {}
  const values = new Map(Object.entries(doc))
  for (const [index, fields] of uniqueIndexes(spec)) {
    const all = fields.map((field) => values.get(field) ?? null)
    if (!all.includes(null)) own[uniqueField(index)] = JSON.stringify(all)
  }
  if (spec.text) {
    own[PLACE] = place
    const found = searchable(spec.text, doc)
    const tokens = found ? documentTokens(found) : []
    if (tokens.length > 0) own[WORDS] = tokens
  }
  return own
}

/** Decodes a stored document. */
export function decodeDocument(stored: Stored): Document {
  return decode(Object.fromEntries(Object.entries(stored).filter(([key]) => !key.startsWith(OWN)))) as Document
}

// Keys with a meaning to a server or its driver, or that BSON does not allow: empty, `$set`, `a.b`, `__proto__`, `_bsontype`, with
// U+0000, with a lone surrogate. The awkward characters are written as `%` and four hex digits.
const AWKWARD = /^$|^\$|^__|^_bsontype$|[.%\0]|\p{Surrogate}/u
const LETTERS = /^[$_]|[.%\0]|\p{Surrogate}/gu
const EMPTY = '%'

function keyOf(key: string): string {
  if (!AWKWARD.test(key)) return key
  if (key === '') return EMPTY
  return key.replace(LETTERS, (letter) => `%${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function keyFrom(stored: string): string {
  if (!stored.includes('%')) return stored
  if (stored === EMPTY) return ''
  return stored.replace(/%([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

// Object.fromEntries, because an assignment to `__proto__` does not create a field.
function encode(value: unknown): unknown {
  if (typeof value === 'string') return value.isWellFormed() ? value : new Binary(Buffer.from(value, 'utf16le'))
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(encode)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [keyOf(key), encode(inner)]))
}

function decode(value: unknown): unknown {
  if (value instanceof Binary) return Buffer.from(value.value()).toString('utf16le')
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(decode)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [keyFrom(key), decode(inner)]))
}
