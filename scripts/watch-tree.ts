import { readdirSync, watch, type FSWatcher } from 'node:fs'
import { join } from 'node:path'
import type { Closable } from '../shared/shutdown.ts'

/**
 * Reports changed files below a folder, by their relative paths. Each folder is watched by itself, because Node's recursive watching on
 * Linux loses a file once an editor has saved it by replacing it.
 */
export function watchTree(root: string, changed: (file: string) => void): Closable {
  const watchers = new Map<string, FSWatcher>()

  function watchFolder(folder: string): void {
    watchers.get(folder)?.close() // if the folder existed before
    const watcher = watch(join(root, folder), (_, name) => {
      if (name === null) return
      const path = join(folder, name)
      changed(path)
      for (const file of watchAll(path)) changed(file) // a new folder may hold files already
    })
    watcher.on('error', () => watcher.close()) // the folder was removed
    watchers.set(folder, watcher)
  }

  /** Watches a folder and its subfolders. @returns their files; none when it is not a folder */
  function watchAll(folder: string): string[] {
    try {
      const entries = readdirSync(join(root, folder), { withFileTypes: true })
      watchFolder(folder)
      return entries.flatMap((entry) => {
        const path = join(folder, entry.name)
        return entry.isDirectory() ? watchAll(path) : [path]
      })
    } catch {
      return [] // a file, or removed meanwhile
    }
  }

  watchAll('')
  return {
    async close() {
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}
