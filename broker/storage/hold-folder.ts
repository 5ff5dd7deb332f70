import { join } from 'node:path'
import Database from 'libsql'
import { ConfigError } from '../../shared/config.ts'
import { fileFault } from '../../shared/file-fault.ts'
import type { Closable } from '../../shared/shutdown.ts'

/**
 * Holds a folder for this process alone, until it ends in whatever way: two brokers on one queue would run each command twice.
 * The hold is an open transaction in an empty SQLite file, so a lock of the file system (fcntl): containers that share a volume
 * see it, and the kernel drops it with the process. No other code may open the file, since closing it would drop the lock too.
 * @throws {ConfigError} when another process holds the folder, or the file cannot be used
 */
export async function holdFolder(folder: string): Promise<Closable> {
  const file = join(folder, 'hold.db')
  let db: Database.Database | undefined
  try {
    db = new Database(file, { timeout: 0 })
    db.exec('BEGIN EXCLUSIVE')
  } catch (err) {
    db?.close()
    const { code = '' } = err as { code?: string }
    if (!code.startsWith('SQLITE_BUSY')) throw fileFault('DATA_DIR', file, err)
    throw new ConfigError(
      `DATA_DIR: another broker uses ${folder}. Stop it, or set DATA_DIR to a folder of this broker's own`,
    )
  }
  const held = db
  return {
    async close() {
      held.exec('ROLLBACK') // which drops the lock; the driver may keep the file open for longer
      held.close()
    },
  }
}
