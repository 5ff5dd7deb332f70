import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../log.ts'
import type { Store } from './documents.ts'
import { openMongo } from './mongo.ts'
import { openSqlite } from './sqlite.ts'

/** More do not make one server faster, and every process has its own. */
const MOST_CONNECTIONS = 100

interface StoreConfig {
  readonly DATA_DIR: string
  readonly MONGODB_URL?: string | undefined
  readonly HANDLER_WINDOW?: number
}

/**
 * Opens the store that the settings choose: MongoDB, which is waited for when it is away, or a file in `DATA_DIR`, which is made
 * when it is missing, for its owner's eyes only.
 * @throws naming MONGODB_URL, without its value, when it is none or the server refuses its credentials
 */
export async function openStore(config: StoreConfig, log: Logger): Promise<Store> {
  const { MONGODB_URL, HANDLER_WINDOW = MOST_CONNECTIONS } = config
  if (MONGODB_URL !== undefined) return openMongo(MONGODB_URL, log, Math.min(HANDLER_WINDOW, MOST_CONNECTIONS))
  mkdirSync(config.DATA_DIR, { recursive: true, mode: 0o700 })
  return openSqlite(join(config.DATA_DIR, 'handlers.db'))
}
