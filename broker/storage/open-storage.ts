import { join } from 'node:path'
import type { Config } from '../../shared/config.ts'
import { dataFolder, mustBeUsable } from '../../shared/file-fault.ts'
import type { Logger } from '../../shared/log.ts'
import { closeAll } from '../../shared/shutdown.ts'
import { checkLmdb } from './check-lmdb.ts'
import { holdFolder } from './hold-folder.ts'
import { openLmdb, type Committed } from './lmdb.ts'
import type { Storage } from './storage.ts'

/**
 * Opens the broker's storage in `DATA_DIR/broker`, a folder that this process holds alone.
 * @param committed is called for each transaction
 * @throws {ConfigError} when the folder cannot be used, or another broker uses it
 * @throws {Damaged} when the file is damaged
 */
export async function openStorage(
  { DATA_DIR }: Pick<Config, 'DATA_DIR'>,
  log: Logger,
  committed?: Committed,
): Promise<Storage> {
  const folder = dataFolder({ DATA_DIR }, 'broker')
  const file = join(folder, 'broker.lmdb')
  mustBeUsable('DATA_DIR', [file, `${file}-lock`])
  const held = await holdFolder(folder)
  try {
    await checkLmdb(file)
    const storage = openLmdb(file, (err) => log.error({ err }, 'cannot store'), committed)
    return { ...storage, close: () => closeAll([held, storage]) }
  } catch (err) {
    await held.close()
    throw err
  }
}
