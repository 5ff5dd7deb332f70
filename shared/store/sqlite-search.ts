import type { Scalar } from './documents.ts'
import type { Search } from './rules.ts'
import type { Bound } from './sqlite-file.ts'

// Every indexed field is also a computed column, named by its JSON path. These are columns because SQLite uses an index for a row
// comparison such as `(at, _id) > (?, ?)` only with columns, not with expressions.

// A missing field is minus infinity, which is no JSON number and sorts first, because a comparison with NULL is never true. Booleans
// are blobs, which sort after all text: json_extract would make them equal to 1 and 0.
const LACKING = '-9e999'

export const column = (field: string): string => `"$.${field}"`

/** The computed column of a field. */
export function columnDefinition(field: string): string {
  const path = `'$.${field}'`
  return `${column(field)} GENERATED ALWAYS AS (CASE json_type(doc, ${path}) WHEN 'true' THEN x'01' WHEN 'false' THEN x'00'
    ELSE coalesce(json_extract(doc, ${path}), ${LACKING}) END) VIRTUAL`
}

/** A condition: the document has all the fields. */
export function hasAll(fields: readonly string[]): string {
  return fields.map((field) => `${column(field)} > ${LACKING}`).join(' AND ')
}

/** The name of an index. Indexes of all tables share one namespace; no collection's name has a dot. */
export function indexName(collection: string, index: string): string {
  return `"${collection}.${index}"`
}

/** A search as one statement that reads only the part of the index that it returns. */
export function searchStatement(
  collection: string,
  search: Search,
  select: 'doc' | '1' = 'doc',
): { sql: string; values: Bound[] } {
  const { index, fields, equal, order, after = [], limit, reverse } = search
  const behind = [...order.map(column), '_id']
  const conditions = fields.map((field) => `${column(field)} = ?`)
  if (after.length > 0) {
    const place = behind.slice(0, after.length)
    conditions.push(`(${place.join(', ')}) ${reverse ? '<' : '>'} (${place.map(() => '?').join(', ')})`)
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
