import { readdirSync, watch, type FSWatcher } from 'node:fs'
import { join } from 'node:path'
import type { Closable } from '../shared/shutdown.ts'

/**
 * Tells which files below a folder change, by their paths from there. Each folder is watched by itself: Node's recursive watching on
 * Linux no longer sees a file once an editor has saved it by putting a new one in its place.
 */
export function watchTree(root: string, changed: (file: string) => void): Closable {
  const watchers = new Map<string, FSWatcher>()

  function watchFolder(folder: string): void {
    watchers.get(folder)?.close() // of a folder that was there before
    const watcher = watch(join(root, folder), (_, name) => {
      if (name === null) return
      const path = join(folder, name)
      changed(path)
      for (const file of watchAll(path)) changed(file) // a new folder may have files already
    })
    watcher.on('error', () => watcher.close()) // the folder is gone
    watchers.set(folder, watcher)
  }

  /** Watches a folder and those in it. @returns the files there; none when it is no folder */
  function watchAll(folder: string): string[] {
    try {
      const entries = readdirSync(join(root, folder), { withFileTypes: true })
      watchFolder(folder)
      return entries.flatMap((entry) => {
        const path = join(folder, entry.name)
        return entry.isDirectory() ? watchAll(path) : [path]
      })
    } catch {
      return [] // a file, or gone
    }
  }

  watchAll('')
  return {
    async close() {
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}
