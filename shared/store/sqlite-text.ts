import { createHash } from 'node:crypto'
import type { CollectionSpec, Document, TextSpec } from './documents.ts'
import { type Searchable, searchable, type WordSearch } from './rules.ts'
import { holdUp, type Row, type Sql, type SqliteFile } from './sqlite-file.ts'
import { FOLDING, indexedWordsOf } from '../wire/words.ts'

// Text is searched with FTS5, SQLite's inverted index. A document's tokens are `<digest of the value><word>` for each of its values
// and words. With separate tokens for words and values, a search would step through the documents of all values that share a common
// word, and take longer the more there are.

/** A collection with a text. */
export type TextCollection = Pick<CollectionSpec, 'name'> & { readonly text: TextSpec }

/** Stores the tokens of documents. Each call belongs in the transaction that writes the document. */
export interface TextIndex {
  add(sql: Sql, id: string, now: Searchable | undefined): void
  change(sql: Sql, id: string, before: Searchable | undefined, now: Searchable | undefined): void
  remove(sql: Sql, id: string): void
}

/** The most tokens of one statement, at some 15 µs each, so that a search blocks its process for only a few milliseconds at a time. */
const TOKENS_AT_ONCE = 256
/** Documents indexed by one transaction, in some 10 ms, and the pause for other writers before the next. */
const DOCUMENTS_AT_ONCE = 200
const PAUSE_MS = 10

// Nothing else has such names: an index's name has one dot, or ends in `.unique`. FTS5 adds tables named after its own.
const placesOf = (name: string): string => `"${name}.text.places"`
const tokensOf = (name: string): string => `"${name}.text.tokens"`
const waitingOf = (name: string): string => `"${name}.text.waiting"`

export function textIndex({ name }: TextCollection): TextIndex {
  const places = placesOf(name)
  const tokens = tokensOf(name)

  function write(sql: Sql, id: string, now: Searchable | undefined): void {
    const all = now ? documentTokens(now) : ''
    if (all !== '')
      sql.run(`INSERT INTO ${tokens} (rowid, tokens) SELECT place, ? FROM ${places} WHERE _id = ?`, [all, id])
  }
  function erase(sql: Sql, id: string): void {
    sql.run(`DELETE FROM ${tokens} WHERE rowid = (SELECT place FROM ${places} WHERE _id = ?)`, [id])
  }

  return {
    add(sql, id, now) {
      // OR REPLACE, because a process that opened the collection without the text leaves the places of documents that it removes.
      sql.run(`INSERT OR REPLACE INTO ${places} (_id) VALUES (?)`, [id])
      write(sql, id, now)
    },
    change(sql, id, before, now) {
      if (JSON.stringify(before) === JSON.stringify(now)) return
      erase(sql, id)
      write(sql, id, now)
    },
    remove(sql, id) {
      erase(sql, id)
      sql.run(`DELETE FROM ${places} WHERE _id = ?`, [id])
    },
  }
}

/** Finds by an expression, above one place and below another, up to a limit: newest first, reading no further than that. */
export function wordsStatement(name: string): string {
  const tokens = tokensOf(name)
  // Places are cast, because the driver binds every number as a real, and FTS5 cannot seek by a real.
  return `SELECT place, doc FROM ${tokens}
    CROSS JOIN ${placesOf(name)} ON place = ${tokens}.rowid CROSS JOIN "${name}" USING (_id)
    WHERE ${tokens} MATCH ? AND ${tokens}.rowid > CAST(? AS INTEGER) AND ${tokens}.rowid < CAST(? AS INTEGER)
    ORDER BY ${tokens}.rowid DESC LIMIT ?`
}

/** Finds the newest documents with their places: one more than the limit when there is a next page. */
export async function searchText(db: SqliteFile, name: string, search: WordSearch): Promise<Row[]> {
  const { words, within, before, limit } = search
  if (words.length === 0) return []
  const text = wordsStatement(name)
  let newest: Row[] = []
  const step = Math.floor(TOKENS_AT_ONCE / words.length)
  for (let i = 0; i < within.length; i += step) {
    if (i > 0) await new Promise(setImmediate)
    const expression = within.slice(i, i + step).map((value) => `(${allOf(value, words)})`)
    const floor = newest.length > limit ? placeOf(newest.at(-1)!) : 0
    const found = db.use((sql) => sql.all(text, [expression.join(' OR '), floor, before.place, limit + 1]))
    const all = new Map([...newest, ...found].map((row) => [placeOf(row), row]))
    newest = [...all.values()].sort((a, b) => placeOf(b) - placeOf(a)).slice(0, limit + 1)
  }
  return newest
}

export const placeOf = (row: Row): number => Number(row.place)

const EARLIER = Array.from({ length: FOLDING - 1 }, (_, i) => i + 1)

/** The statement that creates the table of tokens. Its comment says what they are made of; the first folding had no number. */
export function tokensStatement({ name, text }: TextCollection, folding: number): string {
  const number = folding === 1 ? '' : `, folding ${folding}`
  return (
    `CREATE VIRTUAL TABLE ${tokensOf(name)} USING /* ${text.field} within ${text.within}${number} */ ` +
    `fts5(tokens, content='', contentless_delete=1, detail=none, tokenize='ascii')`
  )
}

/** Drops the tokens of an earlier folding. All documents keep their places and wait to be indexed again. */
function foldAgain(sql: Sql, name: string, statement: string): void {
  sql.run(`DROP TABLE ${tokensOf(name)}`)
  sql.run(statement)
  sql.run(`INSERT OR IGNORE INTO ${waitingOf(name)} SELECT place FROM ${placesOf(name)}`)
}

/** Creates the tables, also for a new folding, and marks all existing documents as waiting. Under the write lock. */
export function makeText(sql: Sql, { name, text }: CollectionSpec): void {
  const [row] = sql.all('SELECT sql FROM sqlite_schema WHERE name = ?', [`${name}.text.tokens`])
  const made = row?.sql
  const wanted = text && tokensStatement({ name, text }, FOLDING)
  if (made === wanted) return
  if (text && wanted !== undefined && EARLIER.some((folding) => made === tokensStatement({ name, text }, folding))) {
    return foldAgain(sql, name, wanted)
  }
  if (made !== undefined || wanted === undefined) {
    const isNewer = typeof made === 'string' && made.includes(`within ${text?.within}, folding `)
    throw new Error(
      isNewer
        ? `a newer version has indexed the words of ${name}: run that version`
        : `the text of ${name} is another in the file, and cannot be changed`,
    )
  }

  sql.run(wanted)
  // A place is never used again, even when the newest document is removed: a waiting entry must not come to mean another document.
  sql.run(`CREATE TABLE ${placesOf(name)} (place INTEGER PRIMARY KEY AUTOINCREMENT, _id TEXT NOT NULL UNIQUE)`)
  sql.run(`CREATE TABLE ${waitingOf(name)} (place INTEGER PRIMARY KEY)`)
  sql.run(`INSERT INTO ${placesOf(name)} (_id) SELECT _id FROM "${name}" ORDER BY _id`)
  sql.run(`INSERT INTO ${waitingOf(name)} SELECT place FROM ${placesOf(name)}`)
}

/** Indexes the waiting documents in small transactions, including those left by a killed process. */
export function indexWaiting(db: SqliteFile, spec: TextCollection): void {
  const isAnyWaiting = () => db.use((sql) => sql.all(`SELECT 1 FROM ${waitingOf(spec.name)} LIMIT 1`)).length > 0
  while (isAnyWaiting()) {
    db.write((sql) => indexPage(sql, spec))
    holdUp(PAUSE_MS)
  }
}

function indexPage(sql: Sql, { name, text }: TextCollection): void {
  const page = sql.all(
    `SELECT place, doc FROM ${waitingOf(name)} LEFT JOIN ${placesOf(name)} USING (place) LEFT JOIN "${name}" USING (_id)
      ORDER BY place DESC LIMIT ?`,
    [DOCUMENTS_AT_ONCE],
  )
  const index = textIndex({ name, text })
  for (const { doc } of page) {
    if (typeof doc !== 'string') continue // removed meanwhile
    const found = JSON.parse(doc) as Document
    index.change(sql, found._id, undefined, searchable(text, found))
  }
  const last = page.at(-1)
  if (last) sql.run(`DELETE FROM ${waitingOf(name)} WHERE place >= ?`, [placeOf(last)]) // nothing when other processes were faster
}

// Digests have one length, so that no value and word look like another pair, and 128 bits, so that nobody can make up a value with
// the digest of another.
export function tokensFor(value: string, words: readonly string[]): string[] {
  const digest = createHash('sha256').update(value).digest('hex').slice(0, 32)
  return words.map((word) => digest + word)
}

function documentTokens({ text, within }: Searchable): string {
  const words = indexedWordsOf(text)
  return [...new Set(within)].flatMap((value) => tokensFor(value, words)).join(' ')
}

// Words are letters, digits and marks: nothing in the quotes can close them.
function allOf(value: string, words: readonly string[]): string {
  return tokensFor(value, words)
    .map((token) => `"${token}"`)
    .join(' AND ')
}
