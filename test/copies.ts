import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Storage, Table } from '../broker/storage/storage.ts'
import type { LmdbTable } from '../broker/storage/turn.ts'

/** A copy of a storage's file, taken before a write. */
export interface Copy {
  path: string
  /** The write: its table, and `put` or `remove`. */
  before: string
  /** The number of steps that were finished. */
  step: number
}

/** Copies a storage's file before each write that LMDB is given, as a broker killed at that moment would leave it. */
export class Copies {
  readonly all: Copy[] = []
  /** The number of finished steps. */
  step = 0
  readonly #dir: string
  readonly #watched = new WeakSet<object>()

  /** @param dir where the copies go */
  constructor(dir: string) {
    this.#dir = dir
  }

  /** @param path the file of this storage */
  watch(storage: Storage, path: string): Storage {
    return {
      ...storage,
      table: <Value>(...args: Parameters<Storage['table']>): Table<Value> => {
        const table = storage.table(...args) as unknown as LmdbTable<Value>
        const db = table.db as unknown as Record<'put' | 'remove', (...all: unknown[]) => unknown>
        if (this.#watched.has(db)) return table
        this.#watched.add(db)
        for (const what of ['put', 'remove'] as const) {
          const write = db[what].bind(db)
          db[what] = (...all) => {
            const copy = {
              path: join(this.#dir, `${this.all.length}.lmdb`),
              before: `${table.name} ${what}`,
              step: this.step,
            }
            copyFileSync(path, copy.path)
            this.all.push(copy)
            return write(...all)
          }
        }
        return table
      },
    }
  }

  /** Every kind of write that was copied. */
  get writes(): Set<string> {
    return new Set(this.all.map(({ before }) => before))
  }
}
