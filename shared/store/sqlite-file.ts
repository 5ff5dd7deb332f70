import { existsSync } from 'node:fs'
import Database from 'libsql'
import { Damaged, Unavailable } from '../wire/refusal.ts'

/** Runs single statements. Values are always bound, in the order of their question marks. */
export interface Sql {
  all(sql: string, values?: readonly Bound[]): Row[]
  /** Returns the number of changed rows. */
  run(sql: string, values?: readonly Bound[]): number
}

/** The driver aborts the process on a value of any other type. */
export type Bound = string | number | Uint8Array
export type Row = Readonly<Record<string, unknown>>

/** One connection to a file that other processes may use, too. */
export interface SqliteFile {
  /** Single statements. */
  use<T>(work: (sql: Sql) => T): T
  /** A transaction that holds the write lock from its start, so that what it reads is still true when it writes. */
  write<T>(work: (sql: Sql) => T): T
  /**
   * Writes together with everything else of this turn of the event loop: one transaction and one fsync for all. Work that throws is
   * rolled back alone.
   */
  commit<T>(work: (sql: Sql) => T): Promise<T>
  close(): void
}

/** Work that waits for a shared transaction. */
interface Waiting {
  readonly work: (sql: Sql) => unknown
  readonly done: (result: never) => void
  readonly failed: (error: unknown) => void
}

/** The most works of one transaction, which blocks its process, and writers in other processes. */
const MAX_AT_ONCE = 64
/** Milliseconds between two log lines about the same damage. */
const SAY_AGAIN_MS = 60_000
/** Milliseconds that a starting process waits for others that start. */
const STARTING_MS = 15_000

/**
 * Opens the file, or creates it. A commit is fsynced before `use` or `write` returns. Either waits up to `busyMs` milliseconds for
 * other processes, and blocks this one meanwhile.
 */
export function openSqliteFile(file: string, busyMs = 2_000): SqliteFile {
  let db = new Database(file, { timeout: busyMs })
  const prepared = new Map<string, Database.Statement>()
  let open = true

  const statement = (sql: string): Database.Statement => {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const made = db.prepare(sql)
    prepared.set(sql, made)
    return made
  }
  const sql: Sql = {
    // Not `.get()`: the driver leaves its statement half read, and with it a read transaction open that blocks all writing.
    // Values are passed as one array, because the driver takes a single object for named parameters.
    all: (text, values = []) => statement(text).all([...values]) as Row[],
    run: (text, values = []) => statement(text).run([...values]).changes,
  }

  let saidAt = -Infinity
  let isSuspect = false
  /** Only the first error is logged, then one per minute: commands that wait for the file would flood the log. */
  function damaged(error: unknown): Damaged {
    const now = performance.now()
    const isTold = now - saidAt < SAY_AGAIN_MS
    if (!isTold) saidAt = now
    isSuspect = true
    return new Damaged(file, errorCode(error) || (error as Error).message, { cause: error, isTold })
  }

  /** Reopens the file after damage: it may have been restored or replaced, and this connection has damaged pages in memory. */
  function reopen(): void {
    if (!existsSync(file)) throw damaged(new Error('the file is missing')) // opening it would create an empty one
    const fresh = new Database(file, { timeout: busyMs })
    prepared.clear() // each would keep the file open
    db.close()
    db = fresh
    isSuspect = false
    turnToWal()
  }

  const closed = (): Error => new Error(`${file} is closed`)

  // Only for an open database: otherwise the driver aborts the process.
  function mustBeIdle(): void {
    if (db.inTransaction) throw new Error('a change must not use the store while it decides')
  }

  function use<T>(work: (sql: Sql) => T): T {
    if (!open) throw closed()
    mustBeIdle()
    try {
      if (isSuspect) reopen()
      return work(sql)
    } catch (error) {
      if (error instanceof Damaged) throw error
      if (isDamaged(error)) throw damaged(error)
      if (!isAway(error)) throw error
      const why = isBusy(error) ? `another process held it for more than ${busyMs} ms` : errorCode(error)
      throw new Unavailable(`${file} cannot be used: ${why}`, { cause: error })
    }
  }

  function write<T>(work: (sql: Sql) => T): T {
    return use(() => {
      sql.run('BEGIN IMMEDIATE')
      try {
        const result = work(sql)
        sql.run('COMMIT')
        return result
      } catch (error) {
        if (db.inTransaction) sql.run('ROLLBACK') // after some errors, such as a full disk, SQLite has rolled back already
        throw error
      }
    })
  }

  const waiting: Waiting[] = []

  function commit<T>(work: (sql: Sql) => T): Promise<T> {
    return new Promise((done, failed) => {
      if (!open) throw closed()
      mustBeIdle()
      waiting.push({ work, done, failed })
      if (waiting.length === 1) setImmediate(commitWaiting)
    })
  }

  function commitWaiting(): void {
    const works = waiting.splice(0, MAX_AT_ONCE)
    if (waiting.length > 0) setImmediate(commitWaiting)
    if (works.length === 0) return // closed meanwhile
    try {
      const ends = works.length === 1 ? [write(works[0]!.work)] : write(() => works.map((one) => attempt(one)))
      for (const [i, one] of works.entries()) {
        const end = ends[i]
        if (end instanceof Failed) one.failed(end.error)
        else one.done(end as never)
      }
    } catch (error) {
      for (const one of works) one.failed(error) // nothing was stored
    }
  }

  /** Does one of several works completely, or rolls it back. */
  function attempt({ work }: Waiting): unknown {
    sql.run('SAVEPOINT one')
    try {
      const result = work(sql)
      sql.run('RELEASE one')
      return result
    } catch (error) {
      if (!db.inTransaction || isAway(error) || isDamaged(error)) throw error // fails the whole transaction
      sql.run('ROLLBACK TO one')
      sql.run('RELEASE one')
      return new Failed(error)
    }
  }

  function close(): void {
    if (!open) return
    mustBeIdle()
    while (waiting.length > 0) commitWaiting()
    open = false
    prepared.clear() // each would keep the file open
    db.close()
  }

  // Unlike all other statements, turning to WAL does not wait for other processes that start at the same time. A process that gives
  // up here exits.
  function turnToWal(): void {
    for (const end = performance.now() + STARTING_MS; ; holdUp(5)) {
      try {
        db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
        return
      } catch (error) {
        if (!isBusy(error) || performance.now() > end) throw error
      }
    }
  }

  try {
    use(turnToWal)
  } catch (error) {
    close()
    throw error
  }
  return { use, write, commit, close }
}

/** The error of one of several works. */
class Failed {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/** A stored document cannot be read: its page was overwritten. */
export class UnreadableDocument extends Error {
  override name = 'UnreadableDocument'
}

/** Blocks this process for `ms` milliseconds, so that others can write. */
export function holdUp(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Errors that are no fault of the statement: it may succeed later. */
const isAway = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY)/.test(errorCode(error))
const isDamaged = (error: unknown): boolean =>
  /^SQLITE_(CORRUPT|NOTADB)/.test(errorCode(error)) || error instanceof UnreadableDocument
const isBusy = (error: unknown): boolean => errorCode(error).startsWith('SQLITE_BUSY')

/** SQLite's name of an error, or '' for other errors. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
