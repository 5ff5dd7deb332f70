import type { Closable } from '../../shared/shutdown.ts'
import type { Codec, Decoder } from './record.ts'

/** A key of at most 1,900 bytes: strings and numbers sort as such, a pair by its first difference. */
export type Key = string | number | readonly [string, number]

/** Values by key, in key order. Reads see committed values only. */
export interface Table<Value> {
  readonly name: string
  /** Number of values. */
  readonly size: number
  /** @throws {Damaged} like `entries`, when the file cannot be read */
  get(key: Key): Value | undefined
  /** All entries, or those from a key on. */
  entries(from?: Key): Iterable<{ key: Key; value: Value }>
}

/** Writes that are stored together or not at all. */
export interface Unit {
  put<Value>(table: Table<Value>, key: Key, value: Value): void
  remove(table: Table<unknown>, key: Key): void
  /** Calls back once the whole unit is on disk, in the order of the units. */
  afterwards(call: () => void): void
  /** Calls back if storing the unit failed. */
  otherwise(call: () => void): void
}

/**
 * Storage for what the broker must not forget: commands, results, sessions, events. Callers keep an index in memory and change it once
 * their unit is stored.
 */
export interface Storage extends Closable {
  /**
   * Opens a table. With a codec its values are binary records; reads report and skip a broken one. With a decoder alone it can only be
   * read.
   */
  table<Value>(name: string, codec?: Codec<Value> | Decoder<Value>): Table<Value>
  /**
   * Resolves once everything that `write` put into the unit is on disk, fsynced, and all units before it are too. An empty unit with
   * `inOrder: false` waits for none.
   * @throws when it cannot be stored; then nothing of it was stored
   */
  commit(write: (unit: Unit) => void, options?: { inOrder?: boolean }): Promise<void>
  /** The same for writes that nobody waits for; retries until they are stored. */
  eventually(write: (unit: Unit) => void): void
  /** False when the remaining disk space is reserved for results and removals. */
  hasRoom: () => boolean
  /** Why writes fail, with the file. Undefined again once a write succeeds; damage stays until a restart. */
  trouble: () => string | undefined
}
