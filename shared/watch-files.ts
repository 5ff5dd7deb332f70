import { statSync } from 'node:fs'
import type { Closable } from './shutdown.ts'

/** Milliseconds between checks. Files are watched by name, so a replaced file or a changed symbolic link counts too. */
const INTERVAL = 1_000

/** Calls `changed` when one of the files is another than at this call. Node's `watchFile` misses what changes before its first look. */
export function watchFiles(files: Iterable<string>, changed: () => void): Closable {
  const all = [...files]
  if (all.length === 0) return { close: async () => {} }
  let seen = all.map(signOf).join()
  const clock = setInterval(() => {
    const now = all.map(signOf).join()
    if (now === seen) return
    seen = now
    changed()
  }, INTERVAL).unref()
  return {
    async close() {
      clearInterval(clock)
    },
  }
}

/** What differs once a file is written or replaced. */
function signOf(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file)
    return `${ino} ${size} ${mtimeMs}`
  } catch (err) {
    return String((err as NodeJS.ErrnoException).code)
  }
}
