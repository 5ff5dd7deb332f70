import { closeSync, existsSync, openSync, readSync, statfsSync } from 'node:fs'
import { open, type Database, type Key as LmdbKey, type RootDatabase } from 'lmdb'
import { Damaged } from '../../shared/wire/refusal.ts'
import type { Key, Storage, Table, Unit } from './storage.ts'

interface LmdbTable<Value> extends Table<Value> {
  readonly db: Database<Value>
}

type Write = () => Promise<boolean>

const ENOSPC = 28
const RETRY_MS = 1_000
/** Bytes of the disk that are left for ends and removals, and an eighth of it at most; a quarter of that for nothing. */
const RESERVE = 2 ** 26

/**
 * Storage on LMDB: all writes of one turn of the event loop are one transaction, which a thread of its own writes and
 * fsyncs while the loop goes on.
 * @param failed is told each time something could not be stored
 * @throws {Damaged} when it is no file of LMDB
 * @throws {Error} naming the file that cannot be opened
 */
export function openLmdb(path: string, failed: (err: unknown) => void = () => {}): Storage {
  leaveFailedCommits()
  const env = openFile(path)
  const tables = new Map<string, LmdbTable<unknown>>()
  /** What was committed last; units end in their order. */
  let tail: Promise<unknown> | undefined
  let trouble: string | undefined
  let isDamaged = false
  let closed = false
  const waiting = new Set<NodeJS.Timeout>()

  let looked: number | undefined
  /** How much of the reserve is left: over 1 while there is room for more. LMDB must not run into a full disk itself. */
  function room(): number {
    if (looked !== undefined) return looked
    const { bavail, blocks, bsize } = statfsSync(path)
    setImmediate(() => (looked = undefined)) // one look serves all of a turn
    return (looked = (bavail * bsize) / Math.min(RESERVE, (blocks * bsize) / 8))
  }

  async function store(writes: readonly Write[]): Promise<void> {
    if (isDamaged) throw new Error(trouble)
    if (room() < 0.25) throw new Error(`${path}: the disk is full`)
    await Promise.all(writes.map((write) => write()))
  }

  async function commit(write: (unit: Unit) => void, { inOrder = true } = {}): Promise<void> {
    if (closed) throw new Error('the storage is closed')
    const writes: Write[] = []
    const [done, undo]: [(() => void)[], (() => void)[]] = [[], []]
    write({
      put: (table, key, value) => void writes.push(() => dbOf(table).put(key as LmdbKey, value)),
      remove: (table, key) => void writes.push(() => dbOf(table).remove(key as LmdbKey)),
      afterwards: (call) => void done.push(call),
      otherwise: (call) => void undo.push(call),
    })
    const before = tail
    const storing = writes.length > 0 ? store(writes) : undefined
    if (!storing && !(before && inOrder)) return done.forEach((call) => call())
    const own = Promise.allSettled([before, storing]).then(([, { status }]) => {
      if (tail === own) tail = undefined
      for (const call of status === 'fulfilled' ? done : undo) call()
    })
    tail = own
    try {
      await storing
      if (!isDamaged) trouble = undefined
    } catch (thrown) {
      const err = await causeOf(thrown)
      if (isDamage(err)) damaged(err)
      else {
        if (!isDamaged) trouble = `${path} cannot be written: ${(err as Error).message}`
        failed(err)
      }
      await own
      throw err
    }
    await own
  }

  function eventually(write: (unit: Unit) => void): void {
    commit(write).catch(() => {
      if (closed) return
      const timer = setTimeout(() => {
        waiting.delete(timer)
        eventually(write)
      }, RETRY_MS)
      waiting.add(timer)
    })
  }

  /** LMDB has no check of its own: what it cannot read is damaged, and so may be whatever is written after that. */
  function damaged(err: unknown): Damaged {
    const found = new Damaged(path, (err as Error).message, { cause: err })
    trouble = found.message
    if (!isDamaged) failed(found)
    isDamaged = true
    return found
  }

  function table<Value>(name: string): LmdbTable<Value> {
    const known = tables.get(name)
    if (known) return known as LmdbTable<Value>
    const db = env.openDB<Value>({ name })
    const made: LmdbTable<Value> = {
      name,
      db,
      get(key) {
        try {
          return db.get(key as LmdbKey)
        } catch (err) {
          throw damaged(err)
        }
      },
      *entries(from) {
        try {
          yield* db.getRange(from === undefined ? {} : { start: from as LmdbKey }) as Iterable<{
            key: Key
            value: Value
          }>
        } catch (err) {
          throw damaged(err)
        }
      },
    }
    tables.set(name, made)
    return made
  }

  return {
    table,
    commit,
    eventually,
    hasRoom: () => room() > 1,
    trouble: () => trouble,
    async close() {
      closed = true
      for (const timer of waiting) clearTimeout(timer)
      await tail
      await env.close()
    },
  }
}

/** Why a commit failed: the driver hands that on as a promise. */
async function causeOf(err: unknown): Promise<unknown> {
  if (!(err instanceof Error && 'commitError' in err)) return err
  try {
    await err.commitError
    return err
  } catch (why) {
    return why
  }
}

/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC, MDB_INVALID, MDB_BAD_TXN: what LMDB says of a page that is not what it was. */
const DAMAGE = new Set([-30_797, -30_796, -30_795, -30_793, -30_782])
function isDamage(err: unknown): boolean {
  return err instanceof Error && 'code' in err && DAMAGE.has(Number(err.code))
}

/** Of LMDB's files, in the first bytes of their first page. */
const MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe])

function openFile(path: string): RootDatabase<unknown> {
  try {
    // LMDB ends the process over a file that is none of its own.
    const head = existsSync(path) ? readHead(path) : undefined
    if (head && head.length > 0 && !head.includes(MAGIC)) throw new Damaged(path, 'it is no file of LMDB')
    return open<unknown>({ path, overlappingSync: false, maxDbs: 32 })
  } catch (err) {
    if (err instanceof Damaged) throw err
    throw new Error(`${path} cannot be opened: ${(err as Error).message}`, { cause: err })
  }
}

function readHead(path: string): Buffer {
  const file = openSync(path, 'r')
  try {
    const head = Buffer.alloc(64)
    return head.subarray(0, readSync(file, head))
  } finally {
    closeSync(file)
  }
}

let leaves = false

/** LMDB leaves promises of its own without a listener when a commit fails, which would end the process. Ours have heard. */
function leaveFailedCommits(): void {
  if (leaves) return
  leaves = true
  process.on('unhandledRejection', (err: unknown) => {
    const ofLmdb =
      err instanceof Error && (err.message.startsWith('Commit failed') || ('code' in err && err.code === ENOSPC))
    if (!ofLmdb) throw err
  })
}

function dbOf<Value>(table: Table<Value>): Database<Value> {
  return (table as LmdbTable<Value>).db
}
