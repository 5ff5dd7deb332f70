import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'libsql'
import { checkLmdb } from '../../broker/storage/check-lmdb.ts'

/** The most lines of SQLite's report; one is enough to know that the file must be restored. */
const MAX_LINES = 20

/** The faults of one file; `wrong` is empty when all of it can be read. */
export interface Verified {
  readonly file: string
  readonly wrong: readonly string[]
}

/**
 * Reads all data of the broker and, without MongoDB, of the handlers in a data directory. Changes nothing, and may run while they
 * run.
 */
export async function verifyFiles(dataDir: string): Promise<Verified[]> {
  const broker = join(dataDir, 'broker', 'broker.lmdb')
  const handlers = join(dataDir, 'handlers.db')
  const found: Verified[] = []
  if (existsSync(broker)) {
    const wrong = await checkLmdb(broker).then(
      () => [],
      (err: Error) => [err.message],
    )
    found.push({ file: broker, wrong })
  }
  if (existsSync(handlers)) found.push({ file: handlers, wrong: integrityOf(handlers) })
  return found
}

/** What `PRAGMA integrity_check` finds (sqlite.org/pragma.html#pragma_integrity_check). */
function integrityOf(file: string): string[] {
  const db = new Database(file, { timeout: 5_000 })
  try {
    const rows = db.prepare(`PRAGMA integrity_check(${MAX_LINES})`).all() as { integrity_check: string }[]
    return rows.map((row) => row.integrity_check).filter((line) => line !== 'ok')
  } catch (err) {
    return [(err as Error).message]
  } finally {
    db.close()
  }
}
