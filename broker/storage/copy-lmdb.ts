import { existsSync, statSync } from 'node:fs'
import { openFile } from './lmdb-file.ts'

/** Milliseconds between two looks at the growing copy. */
const LOOK = 5

/**
 * Copies the file of a broker that may be running, as it is at one moment.
 * @param begun called once, as soon as that moment is over: what is written afterwards is not in the copy
 * @param progress called with the bytes copied so far
 * @throws {Damaged} when the file is not an LMDB file
 * @throws {Error} when there is no such file, or the copy cannot be written
 */
export async function copyLmdb(from: string, to: string, begun: () => void, progress: (bytes: number) => void) {
  if (!existsSync(from)) throw new Error(`there is no ${from}: run this where the broker keeps its data (DATA_DIR)`)
  const env = openFile(from, { readOnly: true })
  let hasBegun = false
  // LMDB begins its read transaction before it writes the first byte of the copy.
  const look = (): void => {
    const bytes = statSync(to, { throwIfNoEntry: false })?.size ?? 0
    if (bytes > 0) progress(bytes)
    if (bytes === 0 || hasBegun) return
    hasBegun = true
    begun()
  }
  const clock = setInterval(look, LOOK)
  try {
    await env.backup(to, false)
    look()
  } finally {
    clearInterval(clock)
    await env.close()
  }
}
