import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { formatOf } from '../../broker/core/format.ts'
import { checkLmdb } from '../../broker/storage/check-lmdb.ts'
import { copyLmdb } from '../../broker/storage/copy-lmdb.ts'
import { openLmdb } from '../../broker/storage/lmdb.ts'
import { openData } from '../../handlers/open-data.ts'
import type { Config } from '../../shared/config.ts'
import type { Logger } from '../../shared/log.ts'
import { makeFolder } from '../../shared/make-folder.ts'
import type { CollectionSpec } from '../../shared/store/documents.ts'
import { openSqliteSnapshot } from '../../shared/store/sqlite-snapshot.ts'
import { exportTo, type Progress, type Readable } from '../data/dump.ts'
import { brokerIn, dataIn, writeManifest, type Backup } from './manifest.ts'

interface Source extends Readable {
  release(): void
  close(): void | Promise<void>
}

/**
 * Copies the broker's storage and the handlers' data into a folder, as they are at one moment, while the platform runs.
 *
 * A command that has ended in one copy has its effects in the other. The handlers' data cannot change while both copies begin: so
 * whatever the broker's copy calls ended took effect before, and what took effect without having ended there is the last command on
 * its documents. It runs again after a restore, as after a crash, and changes nothing twice.
 * @throws {Error} when the folder is not empty, or with MongoDB, when handlers changed their data meanwhile
 */
export async function makeBackup(
  folder: string,
  config: Config,
  specs: readonly CollectionSpec[],
  log: Logger,
  progress: Progress,
): Promise<Backup> {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new Error(`${folder} is not empty; choose another folder`)
  makeFolder(folder)
  const source = await openSource(config, log)
  try {
    const madeAt = new Date().toISOString()
    const from = join(config.DATA_DIR, 'broker', 'broker.lmdb')
    const isCopied = copyLmdb(
      from,
      brokerIn(folder),
      () => source.release(),
      (bytes) => progress('broker.lmdb, bytes', bytes),
    )
    await isCopied.finally(() => source.release())
    await checkLmdb(brokerIn(folder))
    await exportTo(dataIn(folder), source, specs, progress)
    return await writeManifest(folder, madeAt, await formatIn(folder))
  } finally {
    await source.close()
  }
}

async function openSource(config: Config, log: Logger): Promise<Source> {
  const store = await openData(config, log)
  if (config.MONGODB_URL !== undefined) {
    return { collection: (spec) => store.collection(spec), release() {}, close: () => store.close() }
  }
  await store.close() // the file is there now, in WAL mode
  return openSqliteSnapshot(join(config.DATA_DIR, 'handlers.db'))
}

async function formatIn(folder: string): Promise<number> {
  const storage = openLmdb(brokerIn(folder))
  try {
    return formatOf(storage)
  } finally {
    await storage.close()
    rmSync(`${brokerIn(folder)}-lock`, { force: true })
  }
}
