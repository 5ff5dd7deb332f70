import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Damaged } from '../../shared/wire/refusal.ts'

const READ_WHOLE = fileURLToPath(new URL('read-whole.mjs', import.meta.url))

/**
 * Reads the whole LMDB file in a process of its own, because reading a damaged one can end the process that reads. A file that is
 * not there is well, and so is an empty one, which a first start leaves that had no room or was killed.
 * @throws {Damaged} naming the file and what was found
 */
export async function checkLmdb(path: string): Promise<void> {
  if (!statSync(path, { throwIfNoEntry: false })?.size) return
  const { error, stderr } = await new Promise<{ error: Error | null; stderr: string }>((resolve) => {
    execFile(process.execPath, [READ_WHOLE, path], (error, _, stderr) => resolve({ error, stderr }))
  })
  if (error === null) return
  const { signal } = error as Error & { signal?: NodeJS.Signals | null }
  const said = /^\w*Error: (.*)$/m.exec(stderr)?.[1]
  throw new Damaged(path, signal ? `reading it ends in ${signal}` : (said ?? 'it cannot be read'), { cause: error })
}
