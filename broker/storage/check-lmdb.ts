import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Damaged } from '../../shared/wire/refusal.ts'

const READ_WHOLE = fileURLToPath(new URL('read-whole.mjs', import.meta.url))

/**
 * Reads the whole LMDB file in a separate process, because reading a damaged file can crash the reader. An absent file is sound, and
 * so is an empty one: a first start leaves it when the disk is full or it is killed.
 * @throws {Damaged} with the file and what is wrong
 */
export async function checkLmdb(path: string): Promise<void> {
  if (!statSync(path, { throwIfNoEntry: false })?.size) return
  const { error, stderr } = await new Promise<{ error: Error | null; stderr: string }>((resolve) => {
    execFile(process.execPath, [READ_WHOLE, path], (error, _, stderr) => resolve({ error, stderr }))
  })
  if (error === null) return
  const { signal } = error as Error & { signal?: NodeJS.Signals | null }
  const said = /^\w*Error: (.*)$/m.exec(stderr)?.[1]
  throw new Damaged(path, signal ? `reading it crashed with ${signal}` : (said ?? 'it cannot be read'), {
    cause: error,
  })
}
