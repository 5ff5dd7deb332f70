import type { Database, Key as LmdbKey } from 'lmdb'
import type { Key, Table, Unit } from './storage.ts'

export interface LmdbTable<Value> extends Table<Value> {
  readonly db: Database<unknown>
  readonly codec: unknown
  readonly encode: ((value: Value) => unknown) | undefined
}

type Call = () => void

/** Bytes; LMDB's own limit for keys is 1,978. */
const MAX_KEY = 1_900
const REMOVED = Symbol('removed')

/** A unit that is being built. LMDB gets its writes once it is complete. */
export class Gathered implements Unit {
  /** Table, key and value of each write, flattened; the value is `REMOVED` for a removal. */
  readonly #writes: unknown[] = []
  readonly done: Call[] = []
  readonly undo: Call[] = []
  /** Estimated bytes written to disk: pages are written whole. */
  bytes = 0

  get isEmpty(): boolean {
    return this.#writes.length === 0
  }

  put<Value>(table: Table<Value>, key: Key, value: Value): void {
    mustFit(key)
    const { db, encode } = table as LmdbTable<Value>
    const stored = encode ? encode(value) : value
    this.#writes.push(db, key, stored)
    this.bytes += stored instanceof Uint8Array ? stored.length + 16_384 : 65_536
  }

  remove(table: Table<unknown>, key: Key): void {
    mustFit(key)
    this.#writes.push((table as LmdbTable<unknown>).db, key, REMOVED)
    this.bytes += 16_384
  }

  afterwards(call: Call): void {
    this.done.push(call)
  }

  otherwise(call: Call): void {
    this.undo.push(call)
  }

  /**
   * Hands all writes to LMDB, which puts the writes of one turn of the event loop into one transaction and returns the same promise
   * for all of them.
   */
  write(): Promise<boolean> {
    let stored: Promise<boolean> | undefined
    for (let i = 0; i < this.#writes.length; i += 3) {
      const db = this.#writes[i] as Database<unknown>
      const key = this.#writes[i + 1] as LmdbKey
      const value = this.#writes[i + 2]
      stored = value === REMOVED ? db.remove(key) : db.put(key, value)
    }
    return stored!
  }
}

/** The units of one turn of the event loop: one transaction; they end together, in order. */
export class Turn {
  /** LMDB's promise for the transaction. */
  readonly of: Promise<boolean> | undefined
  readonly done: Call[] = []
  readonly undo: Call[] = []
  /** By `performance.now()`. */
  readonly since = performance.now()
  units = 0
  /** Writes to retry when the turn cannot be stored. */
  readonly again: ((unit: Unit) => void)[] = []
  /** @throws when nothing of it was stored */
  readonly stored: Promise<void>
  /** The same, but never rejects. */
  readonly ended: Promise<void>

  /** @param end is called when LMDB has stored the turn or failed to, before anyone else learns of it */
  constructor(
    of: Promise<boolean> | undefined,
    transaction: Promise<unknown>,
    end: { stored(turn: Turn): void; failed(turn: Turn, err: unknown): Promise<never> },
  ) {
    this.of = of
    this.stored = transaction.then(
      () => end.stored(this),
      (err: unknown) => end.failed(this, err),
    )
    this.ended = this.stored.catch(() => {})
  }

  add({ done, undo }: Gathered): void {
    this.units++
    for (const call of done) this.done.push(call)
    for (const call of undo) this.undo.push(call)
  }

  /** Adds an empty unit, which succeeds in any case, when its turn ends. */
  addEmpty({ done }: Gathered): Promise<void> {
    for (const call of done) {
      this.done.push(call)
      this.undo.push(call)
    }
    return this.ended
  }
}

function mustFit(key: Key): void {
  const text = typeof key === 'string' ? key : typeof key === 'number' ? '' : key[0]
  if (text.length * 3 > MAX_KEY && Buffer.byteLength(text) > MAX_KEY) {
    throw new RangeError(`key is longer than ${MAX_KEY} bytes`)
  }
}
