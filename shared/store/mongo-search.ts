import type { Document as Bson } from 'mongodb'
import type { Scalar } from './documents.ts'
import { PLACE, type Stored, WORDS } from './mongo-documents.ts'
import { tokensFor } from './mongo-text.ts'
import type { Search, WordSearch } from './rules.ts'

// Searches as filters. A caller's values appear in them only as scalars, never as objects, so none can act as an operator.

/** A comparison finds only values of its own kind, so the kinds that follow need their own conditions. */
const KINDS = [
  { of: (value: Scalar) => value === null, all: null }, // also finds documents without the field
  { of: (value: Scalar) => typeof value === 'number', all: { $gte: -Infinity } },
  { of: (value: Scalar) => typeof value === 'string', all: { $gte: '' } },
  { of: (value: Scalar) => typeof value === 'boolean', all: { $gte: false } },
]

/**
 * The filters of a search, and its order. The results of each filter come before those of the next. Each filter is one stretch of the
 * index, in its order, however a server handles `$or`. The first `usual` of them find the whole page unless it is the last, or values
 * of several kinds meet in it.
 */
export function searchFilters({ fields, equal, order, after, reverse }: Search): {
  filters: Bson[]
  usual: number
  sort: [string, 1 | -1][]
} {
  const same = (names: readonly string[], values: readonly Scalar[]): Bson =>
    Object.fromEntries(names.map((name, i) => [name, plain(values[i]!)]))
  const sort = [...order, '_id'].map((field): [string, 1 | -1] => [field, reverse ? -1 : 1])
  const found = same(fields, equal)
  if (!after) return { filters: [found], usual: 1, sort }

  // First documents that share all values with the place to continue after, then those that share fewer and fewer.
  const key = after[order.length] // always text
  const filters: Bson[] = key === undefined ? [] : [{ ...found, ...same(order, after), _id: following(key, reverse) }]
  const usual = filters.length + (order.length > 0 ? 1 : 0)
  for (let i = order.length - 1; i >= 0; i--) {
    for (const condition of behind(after[i]!, reverse))
      filters.push({ ...found, ...same(order.slice(0, i), after), [order[i]!]: condition })
  }
  return { filters, usual, sort }
}

/** Conditions for a field's value after another, in the order of their results. */
function behind(value: Scalar, reverse: boolean): Bson[] {
  const kind = KINDS.findIndex(({ of }) => of(value))
  const others = reverse ? KINDS.slice(0, kind).toReversed() : KINDS.slice(kind + 1)
  return [...(value === null ? [] : [following(value, reverse)]), ...others.map(({ all }) => all as Bson)]
}

/** A condition for values of the same kind after this one. */
const following = (value: Scalar, reverse: boolean): Bson => ({ [reverse ? '$lt' : '$gt']: plain(value) })

// Negative zero is stored as zero.
const plain = (value: Scalar): Scalar => (value === 0 ? 0 : value)

/** The most stretches of an index that a server merges in order; beyond, it would sort. */
const VALUES_AT_ONCE = 200

/** Newest first. */
export const BY_PLACE: [string, -1][] = [
  [PLACE, -1],
  ['_id', -1],
]

export function byPlace(one: Stored, other: Stored): number {
  const places = Number(other[PLACE]) - Number(one[PLACE])
  return places || Buffer.compare(Buffer.from(other._id), Buffer.from(one._id))
}

/**
 * The filters of a search for words, each for some of the values. Each word may match by another value: the document's tokens hold
 * every word for every value, so then one value matches all words.
 */
export function wordFilters({ words, within, before }: WordSearch): Bson[] {
  const chunks = Math.ceil(within.length / VALUES_AT_ONCE)
  return Array.from({ length: chunks }, (_, i) => {
    const values = within.slice(i * VALUES_AT_ONCE, (i + 1) * VALUES_AT_ONCE)
    const tokens = values.map((value) => tokensFor(value, words))
    const all = words.map((_, word) => ({ [WORDS]: { $in: tokens.map((of) => of[word]!) } }))
    return { $and: all, ...beforePlace(before) }
  })
}

// Documents older than the text have no place, and are ordered by key.
function beforePlace({ place, key }: WordSearch['before']): Bson {
  return key === undefined ? { [PLACE]: { $lt: place } } : { [PLACE]: place, _id: { $lt: key } }
}

/** The cursor of the page that ends with this document. */
export function cursorAt({ _id, [PLACE]: place }: Stored): string {
  return place === 0 ? `0.${Buffer.from(_id).toString('base64url')}` : String(place)
}
