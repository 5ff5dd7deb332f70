import type { Closable } from '../../shared/shutdown.ts'
import type { Codec } from './record.ts'

/** Part of a key: strings and numbers sort as such, an array by its first difference. At most 1,900 bytes in all. */
export type Key = string | number | readonly [string, number]

/** Values by key, in the order of the keys. What is read is what has been committed. */
export interface Table<Value> {
  readonly name: string
  /** How many values it has. */
  readonly size: number
  /** @throws {Damaged} like `entries`, when the file cannot be read */
  get(key: Key): Value | undefined
  /** From a key on, or all. */
  entries(from?: Key): Iterable<{ key: Key; value: Value }>
}

/** Writes that are stored together or not at all. */
export interface Unit {
  put<Value>(table: Table<Value>, key: Key, value: Value): void
  remove(table: Table<unknown>, key: Key): void
  /** Called when all of it is on the disk, in the order of the units. */
  afterwards(call: () => void): void
  /** Called when nothing of it was stored. */
  otherwise(call: () => void): void
}

/**
 * What the broker must not forget: commands, ends, sessions, events. Its users keep an index in memory and change it when
 * their unit is stored.
 */
export interface Storage extends Closable {
  /** With a codec its values are records of our own; one that is broken is told, and left out of what is read. */
  table<Value>(name: string, codec?: Codec<Value>): Table<Value>
  /**
   * Resolves when everything that `write` put into the unit is on the disk, fsynced, after all units before it. One that holds
   * nothing to store, and need not be `inOrder`, waits for none.
   * @throws when it cannot be stored; then nothing of it was
   */
  commit(write: (unit: Unit) => void, options?: { inOrder?: boolean }): Promise<void>
  /** The same for what nobody waits for; when it cannot be stored it is tried again until it can. */
  eventually(write: (unit: Unit) => void): void
  /** False when the disk is so full that what is left is for ends and removals. */
  hasRoom: () => boolean
  /** What keeps it from storing: the file and why. Undefined once a write has succeeded, but damage stays until a restart. */
  trouble: () => string | undefined
}
