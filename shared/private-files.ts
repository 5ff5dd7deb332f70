import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from './log.ts'

/**
 * Every file that this process makes from now on is for its owner alone, whatever the folder's mode. Warns of those in `folder`
 * that were made before and that others may read or write.
 */
export function keepFilesPrivate(folder: string, log: Logger, names = /./): void {
  process.umask(0o077)
  for (const file of filesIn(folder).filter((name) => names.test(name))) {
    const path = join(folder, file)
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
    if ((mode & 0o077) === 0) continue
    log.warn(
      { file: path, mode: (mode & 0o777).toString(8) },
      'other users may use this file; take that away: chmod go-rwx',
    )
  }
}

function filesIn(folder: string): string[] {
  try {
    const all = readdirSync(folder, { recursive: true, withFileTypes: true })
    return all
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name).slice(join(folder, '/').length))
  } catch {
    return [] // not there yet, or not ours: whoever opens it says so
  }
}
