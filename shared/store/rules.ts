import type { CollectionSpec, Document, Query, Scalar, TextQuery, TextSpec } from './documents.ts'
import { wordsOf } from '../wire/words.ts'

// Checks that are the same for every engine, so that nothing works on one and fails, or means something else, on another.

const NAME = /^[a-z][a-z0-9_]{0,39}$/
/** Names that no index may have: with `__` before them they are the store's own fields in MongoDB, like those of unique indexes. */
const RESERVED = new Set(['etag', 'place', 'words'])
const MAX_LIMIT = 1_000
/** Larger than for `find`, because counting reads no documents. */
const MAX_COUNT = 10_000
const MAX_WORDS = 16
const MAX_WITHIN = 1_000
const MAX_VALUES = 16
const CURSOR = /^([1-9][0-9]{0,14}|0(?=\.))(?:\.([A-Za-z0-9_-]*))?$/

/** A checked query. */
export interface Search {
  /** The index's name; undefined for the order of `_id` alone. */
  readonly index: string | undefined
  /** The leading fields, and the values that they must equal. */
  readonly fields: readonly string[]
  readonly equal: readonly Scalar[]
  /** The fields that order the result, before `_id`. */
  readonly order: readonly string[]
  /** The values of `order`, and perhaps of `_id`, to continue after. */
  readonly after: readonly Scalar[] | undefined
  readonly limit: number
  readonly reverse: boolean
}

/** A checked search for words. */
export interface WordSearch {
  readonly words: readonly string[]
  readonly within: readonly string[]
  /** Only documents inserted before this place, or those at this place whose keys sort before this key. */
  readonly before: { readonly place: number; readonly key?: string }
  readonly limit: number
}

/** What a search finds a document by. */
export interface Searchable {
  readonly text: string
  readonly within: readonly string[]
}

/**
 * Checks a collection's names, which become part of the engines' statements.
 * @returns the same text for equal specs
 * @throws {TypeError} when a name is not snake_case of at most 40 characters, or is reserved, or an index has no fields or one twice
 */
export function checkSpec({ name, indexes = {}, text }: CollectionSpec): string {
  checkName(name, 'collection')
  const all = Object.entries(indexes).map(([index, { fields, unique = false }]) => {
    checkName(index, 'index')
    if (RESERVED.has(index)) throw new TypeError(`index ${name}.${index}: this name is reserved; choose another`)
    for (const field of fields) checkName(field, 'indexed field')
    if (fields.length === 0 || new Set(fields).size < fields.length) {
      throw new TypeError(`index ${name}.${index} needs at least one field, and each only once`)
    }
    return [index, fields, unique] as const
  })
  if (text) {
    checkName(text.field, 'text field')
    checkName(text.within, 'text within')
  }
  return JSON.stringify([name, all.sort(([a], [b]) => (a < b ? -1 : 1)), text && [text.field, text.within]])
}

/** @throws {TypeError} when the query does not fit its index */
export function checkQuery({ name, indexes = {} }: CollectionSpec, query: Query, max = MAX_LIMIT): Search {
  const { by, where = {}, after, beyond, limit, reverse = false } = query
  const index = by !== undefined && Object.hasOwn(indexes, by) ? indexes[by] : undefined
  if (by !== undefined && index === undefined) throw new TypeError(`collection ${name} has no index ${by}`)
  checkLimit(limit, max)
  const all = index?.fields ?? []
  const given = Object.keys(where).length
  const fields = all.slice(0, given)
  if (fields.length < given || !fields.every((field) => Object.hasOwn(where, field))) {
    throw new TypeError(`where must name the leading fields of ${name} by ${by ?? '_id'} (${all.join(', ')}), or fewer`)
  }
  const order = all.slice(given)
  if (beyond && (after || order.length === 0 || !order.every((field) => Object.hasOwn(beyond, field)))) {
    throw new TypeError(`beyond must name the remaining fields of ${name} by ${by ?? '_id'}, without after`)
  }
  return {
    index: by,
    fields,
    equal: fields.map((field) => checkScalar(where[field], field)),
    order,
    after: beyond
      ? order.map((field) => checkScalar(beyond[field], field))
      : after && [...order.map((field) => indexed(after, field)), checkKey(after._id)],
    limit,
    reverse,
  }
}

/** @throws {TypeError} when the collection has no text, or the query is out of bounds */
export function checkTextQuery({ name, text }: CollectionSpec, query: TextQuery): WordSearch {
  if (!text) throw new TypeError(`collection ${name} has no text to search`)
  const { words, within, after, limit } = query
  checkLimit(limit)
  if (typeof words !== 'string') throw new TypeError('words must be a string')
  const all = wordsOf(words)
  if (all.length > MAX_WORDS) throw new TypeError(`at most ${MAX_WORDS} words can be searched for`)
  if (!(Array.isArray(within) && within.length >= 1 && within.length <= MAX_WITHIN)) {
    throw new TypeError(`within must be 1 to ${MAX_WITHIN} values`)
  }
  for (const value of within) checkText(value, 'within')
  return { words: all, within: [...new Set(within)], before: readCursor(after), limit }
}

function readCursor(after: string | undefined): WordSearch['before'] {
  if (after === undefined) return { place: Number.MAX_SAFE_INTEGER }
  const [, place, key] = CURSOR.exec(after) ?? []
  if (place === undefined) throw new TypeError('after is not a valid cursor')
  return { place: Number(place), ...(key !== undefined && { key: Buffer.from(key, 'base64url').toString() }) }
}

/** What a search finds the document by; undefined when it has no text, or an unfit one from before the check. A copy. */
export function searchable({ field, within }: TextSpec, doc: Document): Searchable | undefined {
  const text = own(doc, field)
  const values = own(doc, within)
  if (typeof text !== 'string' || !Array.isArray(values)) return undefined
  return { text, within: values.filter((value) => typeof value === 'string') }
}

/**
 * Checks a document, and returns it as the JSON to store.
 * @throws {TypeError} when engines cannot compare its key or an indexed field, its text is not a string, or its key is not `id`
 */
export function checkDocument(
  { name, indexes = {}, text }: CollectionSpec,
  doc: Document,
  id: string = doc._id,
): string {
  if (doc._id !== checkKey(id)) throw new TypeError(`a document of ${name} must keep its _id`)
  for (const { fields } of Object.values(indexes)) for (const field of fields) indexed(doc, field)
  if (text) checkSearchable(text, doc)
  return JSON.stringify(doc)
}

/** @throws {TypeError} when it is not a key */
export function checkKey(id: unknown): string {
  return checkText(id, '_id')
}

function checkText(value: unknown, field: string): string {
  if (typeof value !== 'string') throw new TypeError(`${field} must be a string`)
  checkScalar(value, field)
  return value
}

/** @throws {TypeError} when there are too many */
export function checkMany<Item>(items: readonly Item[]): readonly Item[] {
  if (items.length <= MAX_LIMIT) return items
  throw new TypeError(`at most ${MAX_LIMIT} documents can be named at a time`)
}

/** @throws {TypeError} when the query does not fit its index */
export function checkCount(spec: CollectionSpec, query: Query): Search {
  return checkQuery(spec, query, MAX_COUNT)
}

function checkLimit(limit: number, max = MAX_LIMIT): void {
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= max)) {
    throw new TypeError(`limit must be a whole number from 1 to ${max}`)
  }
}

function indexed(doc: object, field: string): Scalar {
  return checkScalar(own(doc, field), field)
}

/** A field's value; null when the field is missing. */
function own(doc: object, field: string): unknown {
  return (Object.hasOwn(doc, field) ? (doc as Record<string, unknown>)[field] : null) ?? null
}

function checkSearchable({ field, within }: TextSpec, doc: Document): void {
  const text = own(doc, field)
  if (text !== null && typeof text !== 'string') throw new TypeError(`${field} must be a string`)
  const values = own(doc, within)
  if (values === null) return
  if (!(Array.isArray(values) && values.length <= MAX_VALUES)) {
    throw new TypeError(`${within} must be at most ${MAX_VALUES} strings`)
  }
  for (const value of values) checkText(value, within)
}

// The message never holds the value: it may be a user's, and messages are logged.
function checkScalar(value: unknown, field: string): Scalar {
  if (value === null || typeof value === 'boolean' || Number.isFinite(value)) return value as Scalar
  if (typeof value === 'string' && value.isWellFormed() && !value.includes('\0')) return value
  throw new TypeError(`${field} must be a finite number, a boolean, null or well-formed text without U+0000`)
}

function checkName(name: string, what: string): void {
  if (!NAME.test(name))
    throw new TypeError(`${what} ${JSON.stringify(name)}: must be snake_case, at most 40 characters`)
}
