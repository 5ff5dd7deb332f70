import { open, readFile, rename, type FileHandle } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Changes, Entries, Store } from './store.ts'

/** A file that is so many times as long as what it holds, and longer than this, is written anew. */
const [WASTE, SMALL] = [4, 65_536]

/**
 * Keeps the outbox in a file, for one process at a time. Every batch is a line, flushed to the disk; a line that a crash has cut off
 * does not count.
 */
export function fileStore(path: string): Store {
  const entries = new Map<string, string>()
  let file: FileHandle
  let hold: Server | undefined
  let bytes = 0

  async function rewrite(): Promise<void> {
    const next = `${path}.new`
    const written = await open(next, 'w', 0o600)
    const text = lineOf(entries)
    await written.write(text)
    await written.datasync()
    await written.close()
    await rename(next, path)
    const folder = await open(dirname(resolve(path)), 'r')
    await folder.sync().catch(() => {}) // Windows has no such thing
    await folder.close()
    await (file as FileHandle | undefined)?.close()
    file = await open(path, 'a', 0o600)
    bytes = Buffer.byteLength(text)
  }

  return {
    async open() {
      hold = await holdOf(path)
      for (const [key, value] of await read(path)) entries.set(key, value)
      await rewrite() // without what is half written
      return new Map(entries)
    },
    async write(changes) {
      const before = bytes
      const line = lineOf(changes)
      try {
        await file.write(line)
        await file.datasync()
      } catch (err) {
        await file.truncate(before).catch(() => {}) // a full disk may have taken a part of the line
        throw err
      }
      bytes += Buffer.byteLength(line)
      for (const [key, value] of changes) {
        if (value === undefined) entries.delete(key)
        else entries.set(key, value)
      }
      if (bytes > SMALL && bytes > WASTE * sizeOf(entries)) await rewrite().catch(() => {}) // the long one still holds all
    },
    async close() {
      await file.close()
      hold!.close()
      await once(hold!, 'close')
    },
  }
}

const lineOf = (changes: Changes): string =>
  `${JSON.stringify(Array.from(changes, ([key, value]) => [key, value ?? null]))}\n`

const sizeOf = (entries: Entries): number =>
  Array.from(entries).reduce((sum, [key, value]) => sum + key.length + value.length, 0)

async function read(path: string): Promise<Entries> {
  const entries = new Map<string, string>()
  const text = await readFile(path, 'utf8').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return ''
    throw err
  })
  for (const line of text.split('\n').slice(0, -1)) {
    for (const [key, value] of JSON.parse(line) as [string, string | null][]) {
      if (value === null) entries.delete(key)
      else entries.set(key, value)
    }
  }
  return entries
}

/** Holds the file by a socket of its name, which ends with the process, however that ends. @throws when another process holds it */
async function holdOf(path: string): Promise<Server> {
  const name = `switchboard-${createHash('sha256').update(resolve(path)).digest('hex').slice(0, 32)}`
  const address =
    process.platform === 'linux'
      ? `\0${name}`
      : process.platform === 'win32'
        ? `\\\\.\\pipe\\${name}`
        : join(tmpdir(), `${name}.sock`)
  const server = createServer((socket) => socket.destroy())
  server.unref()
  server.listen(address)
  await once(server, 'listening').catch((err: NodeJS.ErrnoException) => {
    throw new Error(`another process holds the outbox ${path} (${err.code})`, { cause: err })
  })
  return server
}
