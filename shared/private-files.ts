import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from './log.ts'

/** Where in DATA_DIR files of ours are, and which: it may hold others'. */
const OURS: [folder: string, name: RegExp][] = [
  ['.', /^handlers\.db/],
  ['broker', /./],
  ['dev', /./],
]

/**
 * Every file that this process makes from now on is for its owner alone, whatever the folder's mode. Warns of files in DATA_DIR that
 * were made before and that other users may read or write.
 */
export function keepFilesPrivate(DATA_DIR: string, log: Logger): void {
  process.umask(0o077)
  const files = OURS.flatMap(([folder, name]) => filesIn(join(DATA_DIR, folder)).filter((file) => name.test(file.name)))
  const open = files.map(({ path }) => path).filter((path) => (modeOf(path) & 0o077) !== 0)
  if (open.length > 0) {
    log.warn({ files: open.slice(0, 20) }, 'other users may use these files; take that from them with chmod go-rwx')
  }
}

function filesIn(folder: string): { name: string; path: string }[] {
  try {
    const all = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isFile())
    return all.map(({ name }) => ({ name, path: join(folder, name) }))
  } catch {
    return [] // not there yet, or not ours: whoever opens it says so
  }
}

function modeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mode ?? 0
}
