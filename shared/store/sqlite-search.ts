import type { Scalar } from './documents.ts'
import type { Search } from './rules.ts'
import type { Bound } from './sqlite-file.ts'

// Every indexed field is also a computed column, named by its JSON path. Plain columns because SQLite uses an index for a
// comparison of rows, `(at, _id) > (?, ?)`, with columns only, not with expressions.

// Lacking is minus infinity, which no JSON number is and nothing precedes, because a comparison with NULL is never true.
// Booleans are blobs, which follow all text: json_extract would make them equal to 1 and 0.
const LACKING = '-9e999'

export const column = (field: string): string => `"$.${field}"`

/** The computed column of a field. */
export function columnDefinition(field: string): string {
  const path = `'$.${field}'`
  return `${column(field)} GENERATED ALWAYS AS (CASE json_type(doc, ${path}) WHEN 'true' THEN x'01' WHEN 'false' THEN x'00'
    ELSE coalesce(json_extract(doc, ${path}), ${LACKING}) END) VIRTUAL`
}

/** The condition that a document has all the fields. */
export function hasAll(fields: readonly string[]): string {
  return fields.map((field) => `${column(field)} > ${LACKING}`).join(' AND ')
}

/** The name of an index. Those of all tables share one space; no collection's name has a dot. */
export function indexName(collection: string, index: string): string {
  return `"${collection}.${index}"`
}

/** A search as one statement that walks its index, and only the part of it that it returns. */
export function searchStatement(
  collection: string,
  search: Search,
  select: 'doc' | '1' = 'doc',
): { sql: string; values: Bound[] } {
  const { index, fields, equal, order, after = [], limit, reverse } = search
  const behind = [...order.map(column), '_id']
  const conditions = fields.map((field) => `${column(field)} = ?`)
  if (after.length > 0) {
    conditions.push(`(${behind.join(', ')}) ${reverse ? '<' : '>'} (${behind.map(() => '?').join(', ')})`)
  }
  return {
    sql: [
      `SELECT ${select} FROM "${collection}"`,
      index === undefined ? '' : `INDEXED BY ${indexName(collection, index)}`,
      conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`,
      `ORDER BY ${behind.map((name) => (reverse ? `${name} DESC` : name)).join(', ')} LIMIT ?`,
    ].join(' '),
    values: [...[...equal, ...after].map(comparable), limit],
  }
}

function comparable(value: Scalar): Bound {
  if (value === null) return -Infinity
  return typeof value === 'boolean' ? Uint8Array.of(value ? 1 : 0) : value
}
