import { type Collection, type CollectionSpec, Conflict, type Document, type Store } from './documents.ts'
import {
  checkCount,
  checkDocument,
  checkKey,
  checkMany,
  checkQuery,
  checkSpec,
  checkTextQuery,
  searchable,
} from './rules.ts'
import { errorCode, openSqliteFile, UnreadableDocument, type Row, type Sql, type SqliteFile } from './sqlite-file.ts'
import { column, columnDefinition, hasAll, indexName, searchStatement } from './sqlite-search.ts'
import { indexWaiting, makeText, placeOf, searchText, textIndex } from './sqlite-text.ts'

/**
 * Opens the store in a SQLite file, which is created if it is missing; its folder must exist. Several processes may share the
 * file. A write is fsynced when its promise resolves. The driver is synchronous: a write blocks its process for the fsync, and for
 * at most 2 s while other processes write, after which it rejects.
 */
export function openSqlite(file: string): Store {
  const db = openSqliteFile(file)
  const specs = new Map<string, string>()
  return {
    collection<D extends Document>(spec: CollectionSpec): Collection<D> {
      const text = checkSpec(spec)
      const before = specs.get(spec.name)
      if (before === undefined) makeCollection(db, spec)
      else if (before !== text) throw new Error(`collection ${spec.name} was opened before with another spec`)
      specs.set(spec.name, text)
      return openCollection<D>(db, spec)
    },
    ready: async () => void db.use((sql) => sql.all('SELECT name FROM sqlite_schema LIMIT 1')),
    close: async () => db.close(),
  }
}

function openCollection<D extends Document>(db: SqliteFile, spec: CollectionSpec): Collection<D> {
  const { name, text } = spec
  const insert = `INSERT INTO "${name}" (_id, doc) VALUES (?, ?)`
  const read = (row: Row): D => {
    try {
      return JSON.parse(row.doc as string) as D
    } catch (error) {
      throw new UnreadableDocument(`a document of ${name} is not JSON`, { cause: error })
    }
  }
  const index = text && textIndex({ name, text })
  const contentOf = (doc: D | undefined) => text && doc && searchable(text, doc)
  const putNew = (sql: Sql, doc: D, json: string): boolean => {
    const isNew = sql.run(`${insert} ON CONFLICT DO NOTHING`, [doc._id, json]) === 1
    if (isNew) index?.add(sql, doc._id, contentOf(doc))
    return isNew
  }
  const drop = (sql: Sql, id: string): boolean => {
    index?.remove(sql, id)
    return sql.run(`DELETE FROM "${name}" WHERE _id = ?`, [id]) === 1
  }

  return {
    async get(id) {
      return db.use((sql) => sql.all(`SELECT doc FROM "${name}" WHERE _id = ?`, [checkKey(id)]).map(read)[0])
    },

    async getMany(ids) {
      const keys = JSON.stringify(checkMany(ids).map(checkKey))
      const some = `SELECT doc FROM "${name}" WHERE _id IN (SELECT value FROM json_each(?))`
      return db.use(
        (sql) =>
          new Map(
            sql
              .all(some, [keys])
              .map(read)
              .map((doc) => [doc._id, doc]),
          ),
      )
    },

    async insert(doc) {
      const json = checkDocument(spec, doc)
      return db.commit((sql) => putNew(sql, doc, json))
    },

    async insertMany(docs) {
      const all = checkMany(docs).map((doc) => [doc, checkDocument(spec, doc)] as const)
      return db.commit((sql) => all.map(([doc, json]) => putNew(sql, doc, json)))
    },

    async change(id, decide) {
      checkKey(id)
      return db.commit((sql) => {
        const [row] = sql.all(`SELECT doc FROM "${name}" WHERE _id = ?`, [id])
        const now = row && read(row)
        const before = contentOf(now) // before `now` is changed in place
        const next = decide(now)
        if (next === undefined) {
          if (row) drop(sql, id)
          return undefined
        }
        const doc = checkDocument(spec, next, id)
        // Compared by content, not by identity, because `decide` may have changed the document in place.
        if (doc !== row?.doc) {
          try {
            sql.run(`${insert} ON CONFLICT (_id) DO UPDATE SET doc = excluded.doc`, [id, doc])
            if (row) index?.change(sql, id, before, contentOf(next))
            else index?.add(sql, id, contentOf(next))
          } catch (error) {
            if (errorCode(error) !== 'SQLITE_CONSTRAINT_UNIQUE') throw error
            throw new Conflict(`a unique index of ${name} has these values already`, { cause: error })
          }
        }
        return read({ doc })
      })
    },

    async remove(id) {
      checkKey(id)
      return db.commit((sql) => drop(sql, id))
    },

    async find(query) {
      const { sql: statement, values } = searchStatement(name, checkQuery(spec, query))
      return db.use((sql) => sql.all(statement, values).map(read))
    },

    async count(query) {
      const { sql: statement, values } = searchStatement(name, checkCount(spec, query), '1')
      return db.use((sql) => Number(sql.all(`SELECT count(*) AS n FROM (${statement})`, values)[0]!.n))
    },

    async search(query) {
      const search = checkTextQuery(spec, query)
      const rows = await searchText(db, name, search)
      const page = rows.slice(0, search.limit)
      const docs = db.use(() => page.map(read))
      return { docs, ...(rows.length > page.length && { cursor: String(placeOf(page.at(-1)!)) }) }
    },
  }
}

// Under the write lock, so that when several processes start at once the first one creates everything.
function makeCollection(db: SqliteFile, spec: CollectionSpec): void {
  const { name, indexes = {}, text } = spec
  db.write((sql) => {
    // Without rowid, every index ends in `_id`, and so has the order that `find` promises.
    sql.run(`CREATE TABLE IF NOT EXISTS "${name}" (_id TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID`)

    const columns = new Set(
      sql.all('SELECT name FROM pragma_table_xinfo(?)', [name]).map((row) => `"${String(row.name)}"`),
    )
    for (const field of new Set(Object.values(indexes).flatMap(({ fields }) => fields))) {
      if (!columns.has(column(field))) sql.run(`ALTER TABLE "${name}" ADD COLUMN ${columnDefinition(field)}`)
    }

    const made = new Map(
      sql.all('SELECT name, sql FROM sqlite_schema').map((row) => [`"${String(row.name)}"`, row.sql]),
    )
    for (const [index, statement] of indexStatements(spec)) {
      if (!made.has(index)) sql.run(statement)
      else if (made.get(index) !== statement) {
        throw new Error(`index ${index} has other fields in the file: give the changed index a new name`)
      }
    }
    makeText(sql, spec)
  })
  if (text) indexWaiting(db, { name, text })
}

// A unique index is made of two: one to search, with every document, and one for uniqueness, with the documents that have all its fields.
function indexStatements({ name, indexes = {} }: CollectionSpec): Array<[index: string, statement: string]> {
  return Object.entries(indexes).flatMap(([key, { fields, unique = false }]) => {
    const search = indexName(name, key)
    const apart = indexName(name, `${key}.unique`)
    const on = `ON "${name}" (${fields.map(column).join(', ')})`
    const plain: [string, string] = [search, `CREATE INDEX ${search} ${on}`]
    return unique ? [plain, [apart, `CREATE UNIQUE INDEX ${apart} ${on} WHERE ${hasAll(fields)}`]] : [plain]
  })
}
