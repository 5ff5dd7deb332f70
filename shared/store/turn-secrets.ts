import { statSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import Database from 'libsql'
import { Unavailable } from '../wire/refusal.ts'
import { errorCode } from './sqlite-file.ts'

/** The secrets that coturn keeps in its own database, as they are now. */
export interface TurnSecrets {
  /** @throws {Unavailable} when the file is missing, locked or not coturn's, or has no secret of the realm */
  newest(): string
  close(): void
}

/** Milliseconds to wait for a writer: the driver holds up the process meanwhile, and the command is tried again anyway. */
const BUSY_MS = 50
const NEWEST = "SELECT value FROM turn_secret WHERE realm = ? AND value <> '' ORDER BY rowid DESC LIMIT 1"

/**
 * Reads the table `turn_secret` of coturn's SQLite file, which need not be there yet and may be replaced. The file is only
 * read, and never changed. All its secrets are good at coturn; the one that came last is to sign, so that during a rotation
 * the older one can go.
 */
export function openTurnSecrets(file: string, realm: string): TurnSecrets {
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

  return {
    close,
    newest() {
      const secret = read(() => opened().all([realm]) as { value: string }[])[0]?.value
      if (secret === undefined) throw new Unavailable(`TURN_SECRET_STORE holds no secret of the realm ${realm}`)
      return secret
    },
  }

  // Whatever it is, it is for coturn's operator to mend; the command waits for him.
  function read<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      close()
      const why = errorCode(error) || 'it cannot be opened'
      throw new Unavailable(`TURN_SECRET_STORE cannot be read: ${why}`, { cause: error })
    }
  }
}
