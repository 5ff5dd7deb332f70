import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../log.ts'
import type { Store } from './documents.ts'
import { openSqlite } from './sqlite.ts'

/** The most connections of one process: more would not make a server faster, and every process has its own. */
const MAX_CONNECTIONS = 100

interface StoreConfig {
  readonly DATA_DIR: string
  readonly MONGODB_URL?: string | undefined
  readonly HANDLER_WINDOW?: number
}

/**
 * Opens the store that the settings choose: MongoDB, waiting until it can be reached, or a file in `DATA_DIR`, which is created if
 * it is missing, accessible to its owner only.
 * @throws naming MONGODB_URL, without its value, when it is invalid or the server refuses its credentials
 */
export async function openStore(config: StoreConfig, log: Logger): Promise<Store> {
  const { MONGODB_URL, HANDLER_WINDOW = MAX_CONNECTIONS } = config
  if (MONGODB_URL !== undefined) {
    const { openMongo } = await import('./mongo.ts') // the driver takes time and memory that SQLite does not need
    return openMongo(MONGODB_URL, log, Math.min(HANDLER_WINDOW, MAX_CONNECTIONS))
  }
  mkdirSync(config.DATA_DIR, { recursive: true, mode: 0o700 })
  return openSqlite(join(config.DATA_DIR, 'handlers.db'))
}
