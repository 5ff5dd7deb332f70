import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Closable } from '../shared/shutdown.ts'

/** Blocks all writes of the broker with this DATA_DIR until it is closed. */
export async function holdStorage(dataDir: string): Promise<Closable> {
  const script = fileURLToPath(new URL('hold-storage.mjs', import.meta.url))
  const holder = spawn(process.execPath, [script, join(dataDir, 'broker', 'broker.lmdb')])
  const ended = once(holder, 'close')
  await once(holder.stdout, 'data')
  return {
    async close() {
      holder.kill('SIGKILL')
      await ended
    },
  }
}
