import { existsSync } from 'node:fs'
import Database from 'libsql'
import { Damaged, Unavailable } from '../wire/refusal.ts'

/** What one statement can do. Values are always bound, in the order of their question marks. */
export interface Sql {
  all(sql: string, values?: readonly Bound[]): Row[]
  /** Returns how many rows changed. */
  run(sql: string, values?: readonly Bound[]): number
}

/** The driver aborts the process on a value of any other type. */
export type Bound = string | number | Uint8Array
export type Row = Readonly<Record<string, unknown>>

/** One connection to a file that other processes use too. */
export interface SqliteFile {
  /** Single statements. */
  use<T>(work: (sql: Sql) => T): T
  /** A transaction that holds the write lock from its start, so that what it reads is still true when it writes. */
  write<T>(work: (sql: Sql) => T): T
  /**
   * The same, with all that is to be written in this turn of the event loop: one transaction and one fsync for all of it. What
   * throws is undone by itself.
   */
  commit<T>(work: (sql: Sql) => T): Promise<T>
  close(): void
}

/** Work of one transaction among others, and who waits for it. */
interface Waiting {
  readonly work: (sql: Sql) => unknown
  readonly done: (result: never) => void
  readonly failed: (error: unknown) => void
}

/** Works of one transaction, at most: it holds up its process, and the other processes' writing. */
const MOST_AT_ONCE = 64
/** Milliseconds between two lines about the same damage. */
const SAY_AGAIN_MS = 60_000
/** Milliseconds for which a process that starts waits for others that start. */
const STARTING_MS = 15_000

/**
 * Opens the file, or makes it. A commit is on the disk, fsynced, before `use` or `write` returns. Either waits up to
 * `busyMs` milliseconds for the other processes, and holds up this one meanwhile.
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
    // Not `.get()`: the driver leaves its statement half read, and so a read transaction open that ends all writing.
    // Values go in as one array, because a single one that is an object would count as named parameters.
    all: (text, values = []) => statement(text).all([...values]) as Row[],
    run: (text, values = []) => statement(text).run([...values]).changes,
  }

  let saidAt = -Infinity
  let isSuspect = false
  /** The first is for the log, and one in a minute after it; commands that wait for the file would fill it. */
  function damaged(error: unknown): Damaged {
    const now = performance.now()
    const isTold = now - saidAt < SAY_AGAIN_MS
    if (!isTold) saidAt = now
    isSuspect = true
    return new Damaged(file, errorCode(error) || (error as Error).message, { cause: error, isTold })
  }

  /** After damage: the file may have been restored, by another in its place too, and this connection has damaged pages in memory. */
  function reopen(): void {
    if (!existsSync(file)) throw damaged(new Error('it is not there')) // or an empty one would be made
    const fresh = new Database(file, { timeout: busyMs })
    prepared.clear() // each would keep the file open
    db.close()
    db = fresh
    isSuspect = false
    turnToWal()
  }

  const closed = (): Error => new Error(`${file} is closed`)

  // Asked of an open database only: the driver aborts the process otherwise.
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
        if (db.inTransaction) sql.run('ROLLBACK') // some errors, a full disk for one, have rolled back already
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
    const works = waiting.splice(0, MOST_AT_ONCE)
    if (waiting.length > 0) setImmediate(commitWaiting)
    if (works.length === 0) return // it was closed meanwhile
    try {
      const ends = works.length === 1 ? [write(works[0]!.work)] : write(() => works.map((one) => attempt(one)))
      for (const [i, one] of works.entries()) {
        const end = ends[i]
        if (end instanceof Failed) one.failed(end.error)
        else one.done(end as never)
      }
    } catch (error) {
      for (const one of works) one.failed(error) // nothing of it is stored
    }
  }

  /** Does one work of several, or nothing of it. */
  function attempt({ work }: Waiting): unknown {
    sql.run('SAVEPOINT one')
    try {
      const result = work(sql)
      sql.run('RELEASE one')
      return result
    } catch (error) {
      if (!db.inTransaction || isAway(error) || isDamaged(error)) throw error // and with it the whole
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

  // Alone of all statements, turning to WAL does not wait for other processes that start at the same time. A process that
  // gives up here ends.
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

/** What a work among others has thrown. */
class Failed {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/** What is stored is no document: the page that holds it was overwritten. */
export class UnreadableDocument extends Error {
  override name = 'UnreadableDocument'
}

/** Does nothing for so many milliseconds, this process and all in it, so that others come in. */
export function holdUp(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** What is no fault of a statement: it may succeed later. */
const isAway = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY)/.test(errorCode(error))
const isDamaged = (error: unknown): boolean =>
  /^SQLITE_(CORRUPT|NOTADB)/.test(errorCode(error)) || error instanceof UnreadableDocument
const isBusy = (error: unknown): boolean => errorCode(error).startsWith('SQLITE_BUSY')

/** SQLite's name of an error, or '' when it is another's. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
