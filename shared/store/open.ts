import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Store } from './documents.ts'
import { openSqlite } from './sqlite.ts'

/** Opens the store that the settings choose, and makes `DATA_DIR` when it is missing, for its owner's eyes only. */
export function openStore(config: { DATA_DIR: string; MONGODB_URL?: string | undefined }): Store {
  if (config.MONGODB_URL !== undefined)
    throw new Error('MONGODB_URL: this version has no MongoDB engine yet; leave it unset')
  mkdirSync(config.DATA_DIR, { recursive: true, mode: 0o700 })
  return openSqlite(join(config.DATA_DIR, 'handlers.db'))
}
