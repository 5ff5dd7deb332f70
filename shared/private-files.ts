import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from './log.ts'

/** The folders in DATA_DIR that hold our files, and which files are ours: DATA_DIR may hold others. */
const OURS: [folder: string, name: RegExp][] = [
  ['.', /^handlers\.db/],
  ['broker', /./],
  ['dev', /./],
]

/**
 * Makes every file that this process creates from now on accessible to its owner only. Warns about existing files in DATA_DIR that
 * other users may read or write.
 */
export function keepFilesPrivate(DATA_DIR: string, log: Logger): void {
  process.umask(0o077)
  const open = filesForOthers(DATA_DIR)
  if (open.length > 0) {
    log.warn({ files: open.slice(0, 20) }, 'other users can read or write these files; run chmod go-rwx on them')
  }
}

/** Our files in DATA_DIR, and `more`, that users besides their owner may read or write. */
export function filesForOthers(DATA_DIR: string, more: readonly string[] = []): string[] {
  const files = OURS.flatMap(([folder, name]) => filesIn(join(DATA_DIR, folder)).filter((file) => name.test(file.name)))
  return [...files.map(({ path }) => path), ...more].filter((path) => (modeOf(path) & 0o077) !== 0)
}

function filesIn(folder: string): { name: string; path: string }[] {
  try {
    const all = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isFile())
    return all.map(({ name }) => ({ name, path: join(folder, name) }))
  } catch {
    return [] // missing or not readable: reported when it is opened
  }
}

function modeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mode ?? 0
}
