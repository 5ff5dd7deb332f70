import type { Database, Key as LmdbKey } from 'lmdb'
import type { Key, Table, Unit } from './storage.ts'

export interface LmdbTable<Value> extends Table<Value> {
  readonly db: Database<unknown>
  readonly codec: unknown
  readonly encode: ((value: Value) => unknown) | undefined
}

type Call = () => void

/** What LMDB takes for a key, at most, is 1,978 bytes. */
const MAX_KEY = 1_900
const REMOVED = Symbol('removed')

/** What is put into a unit while it is built; LMDB gets it when it is whole. */
export class Gathered implements Unit {
  /** Table, key and value of each write, one after another: `REMOVED` for a removal. */
  readonly #writes: unknown[] = []
  readonly done: Call[] = []
  readonly undo: Call[] = []
  /** An estimate: pages are written whole. */
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
   * Hands all of it to LMDB, which stores in one transaction what it gets in one turn of the event loop: so long it gives the
   * same promise.
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

/** The units of one turn of the event loop: they are one transaction, and end together, in their order. */
export class Turn {
  /** What LMDB gave for it. */
  readonly of: Promise<boolean> | undefined
  readonly done: Call[] = []
  readonly undo: Call[] = []
  /** What is to be tried again when it cannot be stored. */
  readonly again: ((unit: Unit) => void)[] = []
  /** @throws when nothing of it was stored */
  readonly stored: Promise<void>
  /** The same, but it never throws. */
  readonly ended: Promise<void>

  /** @param end is called when LMDB has stored it, or has not, before anybody hears of it */
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
    for (const call of done) this.done.push(call)
    for (const call of undo) this.undo.push(call)
  }

  /** What stores nothing ends well in any case, when its turn comes. */
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
    throw new RangeError(`a key has more than ${MAX_KEY} bytes`)
  }
}
