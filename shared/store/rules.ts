import type { CollectionSpec, Document, Query, Scalar } from './documents.ts'

// What every engine refuses alike, so that nothing works on one and fails, or means something else, on another.

const NAME = /^[a-z][a-z0-9_]{0,39}$/
const MAX_LIMIT = 1_000

/** A query that fits its index. */
export interface Search {
  /** Name of the index; undefined for the order of `_id` alone. */
  readonly index: string | undefined
  /** The leading fields, and what they must equal. */
  readonly fields: readonly string[]
  readonly equal: readonly Scalar[]
  /** The fields that order the result, before `_id`. */
  readonly order: readonly string[]
  /** Values of `order` and then `_id` to go on behind. */
  readonly after: readonly Scalar[] | undefined
  readonly limit: number
  readonly reverse: boolean
}

/**
 * Checks a collection's names: they become part of an engine's own language.
 * @returns the same text for equal specs
 * @throws {TypeError} when a name is not snake_case of at most 40 characters, or an index has no fields or one twice
 */
export function checkSpec({ name, indexes = {} }: CollectionSpec): string {
  checkName(name, 'collection')
  const all = Object.entries(indexes).map(([index, { fields, unique = false }]) => {
    checkName(index, 'index')
    for (const field of fields) checkName(field, 'indexed field')
    if (fields.length === 0 || new Set(fields).size < fields.length) {
      throw new TypeError(`index ${name}.${index} needs at least one field, and each only once`)
    }
    return [index, fields, unique] as const
  })
  return JSON.stringify([name, all.sort(([a], [b]) => (a < b ? -1 : 1))])
}

/** @throws {TypeError} when the query asks for what its index cannot give */
export function checkQuery({ name, indexes = {} }: CollectionSpec, query: Query): Search {
  const { by, where = {}, after, limit, reverse = false } = query
  const index = by !== undefined && Object.hasOwn(indexes, by) ? indexes[by] : undefined
  if (by !== undefined && index === undefined) throw new TypeError(`collection ${name} has no index ${by}`)
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT)) {
    throw new TypeError(`limit must be a whole number from 1 to ${MAX_LIMIT}`)
  }
  const all = index?.fields ?? []
  const given = Object.keys(where).length
  const fields = all.slice(0, given)
  if (fields.length < given || !fields.every((field) => Object.hasOwn(where, field))) {
    throw new TypeError(`where must name the leading fields of ${name} by ${by ?? '_id'} (${all.join(', ')}), or fewer`)
  }
  const order = all.slice(given)
  return {
    index: by,
    fields,
    equal: fields.map((field) => checkScalar(where[field], field)),
    order,
    after: after && [...order.map((field) => indexed(after, field)), checkKey(after._id)],
    limit,
    reverse,
  }
}

/**
 * A document as the JSON text to store.
 * @throws {TypeError} when its key or an indexed field is not what engines can compare, or its key is not `id`
 */
export function checkDocument({ name, indexes = {} }: CollectionSpec, doc: Document, id: string = doc._id): string {
  if (doc._id !== checkKey(id)) throw new TypeError(`a document of ${name} must keep its _id`)
  for (const { fields } of Object.values(indexes)) for (const field of fields) indexed(doc, field)
  return JSON.stringify(doc)
}

/** @throws {TypeError} when it is no key */
export function checkKey(id: unknown): string {
  if (typeof id !== 'string') throw new TypeError('_id must be a string')
  checkScalar(id, '_id')
  return id
}

function indexed(doc: object, field: string): Scalar {
  const value: unknown = Object.hasOwn(doc, field) ? (doc as Record<string, unknown>)[field] : null
  return checkScalar(value === undefined ? null : value, field)
}

// Never with the value in the message: it may be a user's, and messages are logged.
function checkScalar(value: unknown, field: string): Scalar {
  if (value === null || typeof value === 'boolean' || Number.isFinite(value)) return value as Scalar
  if (typeof value === 'string' && value.isWellFormed() && !value.includes('\0')) return value
  throw new TypeError(`${field} must be a finite number, a boolean, null or well-formed text without U+0000`)
}

function checkName(name: string, what: string): void {
  if (!NAME.test(name))
    throw new TypeError(`${what} ${JSON.stringify(name)}: must be snake_case, at most 40 characters`)
}
