import { statSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import Database from 'libsql'
import { errorCode } from './sqlite-file.ts'
import { noSecret, unreadable, type TurnSecrets } from './turn-secrets.ts'

/** Milliseconds to wait for a writer: the driver holds up the process meanwhile, and the command is tried again anyway. */
const BUSY_MS = 50
const NEWEST = "SELECT value FROM turn_secret WHERE realm = ? AND value <> '' ORDER BY rowid DESC LIMIT 1"

/**
 * Reads the table `turn_secret` of coturn's SQLite file, which need not be there yet and may be replaced. The file is only
 * read, and never changed.
 */
export function openSqliteTurnSecrets(file: string, realm: string): TurnSecrets {
  let open: { db: Database.Database; query: Database.Statement; inode: bigint } | undefined

  function close(): void {
    open?.db.close()
    open = undefined
  }

  // Kept open, because the driver frees a closed file's descriptor only when it collects its statements.
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
      throw unreadable(`${file}: ${errorCode(error) || 'cannot open it'}`, error)
    }
  }

  return {
    close: async () => close(),
    async newest() {
      return read()[0]?.value ?? noSecret(realm)
    },
  }
}
