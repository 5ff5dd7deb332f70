import { join } from 'node:path'
import Database from 'libsql'
import { ConfigError } from '../../shared/config.ts'
import { fileFault } from '../../shared/file-fault.ts'
import type { Closable } from '../../shared/shutdown.ts'

/**
 * Locks a folder for this process until it ends in any way, since two brokers on one queue would run each command twice. The lock is
 * an open transaction in an empty SQLite file, and so a file lock (fcntl): containers that share a volume see it, and the kernel
 * releases it with the process. No other code may open the file, since closing it would release the lock.
 * @throws {ConfigError} when another process holds the lock, or the file cannot be used
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
      held.exec('ROLLBACK') // releases the lock at once; the driver may close the file later
      held.close()
    },
  }
}
