import { join } from 'node:path'
import type { Config } from '../shared/config.ts'
import { dataFolder, fileFault, mustBeUsable } from '../shared/file-fault.ts'
import type { Logger } from '../shared/log.ts'
import type { Store } from '../shared/store/documents.ts'
import { openStore } from '../shared/store/open.ts'

/**
 * Opens the store for the handlers' data.
 * @throws {ConfigError} when the database file in DATA_DIR, or a file beside it, cannot be used
 */
export async function openData(config: Config, log: Logger): Promise<Store> {
  if (config.MONGODB_URL !== undefined) return openStore(config, log)
  const file = join(dataFolder(config), 'handlers.db')
  mustBeUsable('DATA_DIR', [file, `${file}-wal`, `${file}-shm`])
  try {
    return await openStore(config, log)
  } catch (err) {
    throw fileFault('DATA_DIR', file, err, 'open')
  }
}
