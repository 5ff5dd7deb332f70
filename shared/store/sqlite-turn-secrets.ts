import { statSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import Database from 'libsql'
import { errorCode } from './sqlite-file.ts'
import { noSecret, unreadable, type TurnSecrets } from './turn-secrets.ts'

/** Milliseconds to wait for a writer. Short, because the driver blocks the process meanwhile, and the command is retried anyway. */
const BUSY_MS = 50
const NEWEST = "SELECT value FROM turn_secret WHERE realm = ? AND value <> '' ORDER BY rowid DESC LIMIT 1"

/** Reads the table `turn_secret` of coturn's SQLite file, which may be missing or be replaced. Never changes the file. */
export function openSqliteTurnSecrets(file: string, realm: string): TurnSecrets {
  let open: { db: Database.Database; query: Database.Statement; inode: bigint } | undefined

  function close(): void {
    open?.db.close()
    open = undefined
  }

  // Kept open, because the driver frees a closed file's descriptor only when its statements are garbage-collected.
  function opened(): Database.Statement {
    const inode = statSync(file, { bigint: true }).ino
    if (open?.inode !== inode) close()
    if (open) return open.query
    const db = new Database(`${pathToFileURL(file).href}?mode=ro`, { timeout: BUSY_MS })
    try {
      open = { db, query: db.prepare(NEWEST), inode }
    } catch (error) {
      db.close()
      throw error
    }
    return open.query
  }

  function read(): { value: string }[] {
    try {
      return opened().all([realm]) as { value: string }[]
    } catch (error) {
      close()
      throw unreadable(`${file}: ${errorCode(error) || 'cannot be opened'}`, error)
    }
  }

  return {
    close: async () => close(),
    async newest() {
      return read()[0]?.value ?? noSecret(realm)
    },
  }
}
