import Database from 'libsql'
import type { Collection, CollectionSpec, Document } from './documents.ts'
import { checkSpec } from './rules.ts'

/** Milliseconds to wait for those who write; they wait 2 s for one another at most. */
const BUSY_MS = 15_000

/** The documents of a file as they were at one moment, whatever is written afterwards. */
export interface SqliteSnapshot {
  collection(spec: CollectionSpec): Pick<Collection<Document>, 'find'>
  /** Lets others write again. */
  release(): void
  close(): void
}

/**
 * Takes a snapshot of a file that other processes use. Nobody can write until `release`, so that what else is copied meanwhile is of
 * the same moment: call it within milliseconds. Writers wait 2 s, and then their commands are put off. Until `close`, SQLite keeps
 * what the snapshot needs in its `-wal` file, which grows by what is written.
 * @throws {Error} SQLITE_BUSY when others write all the time
 */
export function openSqliteSnapshot(file: string): SqliteSnapshot {
  const holder = new Database(file, { timeout: BUSY_MS })
  const reader = new Database(file, { timeout: BUSY_MS })
  holder.exec('BEGIN IMMEDIATE')
  let isHeld = true
  reader.exec('BEGIN')
  const names = reader.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[] // fixes the moment
  const tables = new Set(names.map(({ name }) => name))

  function release(): void {
    if (!isHeld) return
    isHeld = false
    holder.exec('ROLLBACK')
    holder.close()
  }
  return {
    collection(spec) {
      checkSpec(spec)
      if (!tables.has(spec.name)) return { find: async () => [] }
      const page = reader.prepare(`SELECT doc FROM "${spec.name}" WHERE _id > ? ORDER BY _id LIMIT ?`)
      return {
        async find({ after, limit }) {
          const rows = page.all([after?._id ?? '', limit]) as { doc: string }[]
          return rows.map(({ doc }) => JSON.parse(doc) as Document)
        },
      }
    },
    release,
    close() {
      release()
      reader.exec('ROLLBACK')
      reader.close()
    },
  }
}
