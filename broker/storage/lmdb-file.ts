import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { open, type RootDatabase } from 'lmdb'
import { Damaged } from '../../shared/wire/refusal.ts'

const ENOSPC = 28
/** In the first 64 bytes of every LMDB file. */
const MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe])
/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC, MDB_INVALID, MDB_BAD_TXN: LMDB's error codes for damaged pages. */
const DAMAGE = new Set([-30_797, -30_796, -30_795, -30_793, -30_782])

/**
 * @throws {Damaged} when the file is not an LMDB file
 * @throws {Error} with the path, when the file cannot be opened
 */
export function openFile(path: string, { readOnly = false } = {}): RootDatabase<unknown> {
  leaveFailedCommits()
  try {
    // LMDB crashes the process when it opens a foreign file.
    const head = existsSync(path) ? readHead(path) : undefined
    if (head && head.length > 0 && !head.includes(MAGIC)) throw new Damaged(path, 'it is not an LMDB file')
    return open<unknown>({ path, readOnly, overlappingSync: false, maxDbs: 32 })
  } catch (err) {
    if (err instanceof Damaged) throw err
    throw new Error(`cannot open ${path}: ${(err as Error).message}`, { cause: err })
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

/** The cause of a failed commit, which the driver provides as a promise. */
export async function causeOf(err: unknown): Promise<unknown> {
  if (!(err instanceof Error && 'commitError' in err)) return err
  try {
    await err.commitError
    return err
  } catch (why) {
    return why
  }
}

export function isDamage(err: unknown): boolean {
  return err instanceof Error && 'code' in err && DAMAGE.has(Number(err.code))
}

let leaves = false

/** When a commit fails, the driver rejects internal promises that nobody handles, which would end the process. Our own promises report the failure. */
function leaveFailedCommits(): void {
  if (leaves) return
  leaves = true
  process.on('unhandledRejection', (err: unknown) => {
    const ofLmdb =
      err instanceof Error && (err.message.startsWith('Commit failed') || ('code' in err && err.code === ENOSPC))
    if (!ofLmdb) throw err
  })
}
