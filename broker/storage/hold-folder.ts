import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { realpathSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Closable } from '../../shared/shutdown.ts'

/**
 * Holds a folder for this process alone, until it ends in whatever way: two brokers on one queue would run each command twice.
 * @throws {Error} when another process holds it
 */
export async function holdFolder(folder: string): Promise<Closable> {
  const name = `switchboard-${createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 32)}`
  // Linux has names of sockets that end with their process; elsewhere one that nobody answers on was left behind.
  const path = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), name)
  const isTaken = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
  if (isTaken) throw new Error(`DATA_DIR: another broker uses ${folder}`)
  if (process.platform !== 'linux') rmSync(path, { force: true })
  const server = createServer((socket) => socket.destroy())
  server.listen(path).unref()
  await once(server, 'listening')
  return { close: () => new Promise((resolve) => server.close(() => resolve())) }
}
