import { existsSync, readFileSync } from 'node:fs'
import { copyFile, chmod, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { renewEpoch } from '../../broker/core/inbox/epoch.ts'
import { holdFolder } from '../../broker/storage/hold-folder.ts'
import { openLmdb } from '../../broker/storage/lmdb.ts'
import { openData } from '../../handlers/open-data.ts'
import type { Config } from '../../shared/config.ts'
import { dataFolder } from '../../shared/file-fault.ts'
import type { Logger } from '../../shared/log.ts'
import type { CollectionSpec, Store } from '../../shared/store/documents.ts'
import { checkWith, importFrom, type Progress } from '../data/dump.ts'
import { brokerIn, dataIn, readBackup, sync, type Backup } from './manifest.ts'

/**
 * Puts a backup into an empty DATA_DIR, and into an empty MongoDB database if the settings choose one. Verifies it first. An
 * interrupted restore continues when it is run again. The broker gets a new epoch, so that devices fetch their state again.
 * @throws {Error} when the backup is incomplete or changed, a broker is running, or there are data already
 */
export async function restoreBackup(
  folder: string,
  config: Config,
  specs: readonly CollectionSpec[],
  log: Logger,
  progress: Progress,
): Promise<Backup> {
  const backup = await readBackup(folder, (file) => progress(`verifying ${file}`, 0))
  const broker = dataFolder(config, 'broker')
  const held = await holdFolder(broker)
  try {
    const store = await openData(config, log)
    try {
      const begun = join(config.DATA_DIR, 'restore-unfinished')
      const which = JSON.stringify(backup)
      if (!existsSync(begun)) {
        await mustBeEmpty(config, store, specs)
        await writeFile(begun, which, { mode: 0o600 })
      } else if (readFileSync(begun, 'utf8') !== which) {
        throw new Error(
          `DATA_DIR: the restore of another backup was begun in ${config.DATA_DIR}. Finish it, or empty the folder first`,
        )
      }
      await restoreData(folder, store, specs, progress)
      await restoreBroker(folder, broker)
      await rm(begun)
    } finally {
      await store.close()
    }
  } finally {
    await held.close()
  }
  return backup
}

async function mustBeEmpty({ DATA_DIR }: Config, store: Store, specs: readonly CollectionSpec[]): Promise<void> {
  const why = 'A restore overwrites nothing: choose an empty DATA_DIR, or move the old data away'
  const broker = join(DATA_DIR, 'broker', 'broker.lmdb')
  if (existsSync(broker)) throw new Error(`${broker} exists already. ${why}`)
  for (const spec of specs) {
    if ((await store.collection(spec).find({ limit: 1 })).length > 0) {
      throw new Error(`there are handlers' data already, in the collection ${spec.name}. ${why}`)
    }
  }
}

async function restoreData(folder: string, store: Store, specs: readonly CollectionSpec[], progress: Progress) {
  const imported = await importFrom(dataIn(folder), store, specs, progress)
  const checked = await checkWith(dataIn(folder), store, specs, progress)
  const [wrong] = [...imported, ...checked].flatMap(({ collection, wrong }) =>
    wrong.map((what) => `${collection}: ${what}`),
  )
  if (wrong !== undefined) throw new Error(`what is stored now is not what the backup holds: ${wrong}`)
}

/** The broker's file appears under its name only with its new epoch. */
async function restoreBroker(folder: string, broker: string): Promise<void> {
  const file = join(broker, 'broker.lmdb')
  if (existsSync(file)) return // an earlier run came so far
  const part = join(broker, 'restored.lmdb')
  for (const left of [part, `${part}-lock`]) await rm(left, { force: true })
  await copyFile(brokerIn(folder), part)
  await chmod(part, 0o600)
  const storage = openLmdb(part)
  try {
    await renewEpoch(storage)
  } finally {
    await storage.close()
  }
  await sync(part)
  await rm(`${part}-lock`, { force: true })
  await rename(part, file)
  await sync(broker)
}
