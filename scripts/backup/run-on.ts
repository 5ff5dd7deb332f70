import { fileURLToPath } from 'node:url'
import { ConfigError, readConfig } from '../../shared/config.ts'
import { openLog } from '../../shared/log.ts'
import { keepFilesPrivate } from '../../shared/private-files.ts'
import { collectionsOf } from '../data/collections.ts'
import { progressBar } from '../data/progress-bar.ts'
import type { makeBackup } from './make-backup.ts'

const USAGE = {
  backup: `usage: npm run backup -- FOLDER
  Copies the broker's storage and the handlers' data into an empty folder, as they are at one moment. The platform may run; with
  MONGODB_URL, stop the handler processes first: the broker keeps what devices send meanwhile. Run it where the broker runs.
`,
  restore: `usage: npm run restore -- FOLDER
  Verifies a backup and stores it in an empty DATA_DIR and, with MONGODB_URL, in an empty database. Start nothing before it ends.
  An interrupted restore continues when it is run again.
`,
}

/** Runs one of the two scripts with the folder that its command line names, and says what it did. */
export async function runOn(script: keyof typeof USAGE, work: typeof makeBackup): Promise<void> {
  try {
    const [folder, ...more] = process.argv.slice(2)
    if (folder === '--help' || folder === '-h') return void process.stdout.write(USAGE[script])
    if (folder === undefined || more.length > 0 || folder.startsWith('-')) throw new ConfigError(USAGE[script])
    const config = readConfig()
    const log = openLog(config.LOG_LEVEL, script)
    keepFilesPrivate(config.DATA_DIR, log)
    const specs = await collectionsOf(fileURLToPath(new URL('../../handlers', import.meta.url)))
    const { made_at, version, files } = await work(folder, config, specs, log, progressBar())
    const bytes = Object.values(files).reduce((sum, one) => sum + one.bytes, 0)
    const done = script === 'backup' ? 'backed up to' : 'restored from'
    process.stdout.write(
      `${done} ${folder}: ${Object.keys(files).length} files, ${bytes} bytes, as of ${made_at} (version ${version})\n`,
    )
  } catch (err) {
    process.stderr.write(`${(err as Error).message}\n`)
    process.exitCode = 1
  }
}
