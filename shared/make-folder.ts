import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it, for its owner's eyes only; one that is there stays as it is. Node's own `recursive` does not
 * return where nothing can be made, as below /proc (Node 20).
 * @throws {NodeJS.ErrnoException} of the topmost folder that cannot be made
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    const parent = dirname(path)
    if (code === 'ENOENT' && parent !== path && !existsSync(parent)) {
      makeFolder(parent)
      makeFolder(path)
    } else if (code !== 'EEXIST' || !statSync(path).isDirectory()) throw err
  }
}
