import type { Key as LmdbKey } from 'lmdb'
import { Damaged } from '../../shared/wire/refusal.ts'
import { DiskRoom } from './disk-room.ts'
import { causeOf, isDamage, openFile } from './lmdb-file.ts'
import { Broken, type Codec } from './record.ts'
import type { Key, Storage, Unit } from './storage.ts'
import { Gathered, Turn, type LmdbTable } from './turn.ts'

const RETRY_MS = 1_000
/** What is left of the disk's reserve when nothing at all is stored any more. */
const FULL = 0.25
const NOTHING = Promise.resolve()
/** Bytes of a value up to which views of that size are kept. */
const VIEWED = 1_024
/**
 * Storage on LMDB: all writes of one turn of the event loop are one transaction, which a thread of its own writes and
 * fsyncs while the loop goes on. Its units share one promise and one list of what to call when it is stored.
 * @param failed is told each time something could not be stored
 * @throws {Damaged} when it is no file of LMDB
 * @throws {Error} naming the file that cannot be opened
 */
export function openLmdb(path: string, failed: (err: unknown) => void = () => {}): Storage {
  const env = openFile(path)
  const disk = new DiskRoom(path)
  const tables = new Map<string, LmdbTable<unknown>>()
  /** The last turn whose units have not ended. */
  let last: Turn | undefined
  let trouble: string | undefined
  let isDamaged = false
  let closed = false
  const waiting = new Set<NodeJS.Timeout>()

  const end = {
    stored(turn: Turn): void {
      if (!isDamaged) trouble = undefined
      callAll(turn, turn.done)
    },
    async failed(turn: Turn, thrown: unknown): Promise<never> {
      callAll(turn, turn.undo)
      tryAgain(turn.again)
      const err = await causeOf(thrown)
      if (isDamage(err)) damaged(err)
      else {
        if (!isDamaged) trouble = `${path} cannot be written: ${(err as Error).message}`
        failed(err)
      }
      throw err
    },
  }

  /** A fault in one call keeps no other unit from its end. */
  function callAll(turn: Turn, calls: readonly (() => void)[]): void {
    for (const call of calls) {
      try {
        call()
      } catch (err) {
        failed(new Error('what was to follow a write has failed', { cause: err }))
      }
    }
    if (last === turn) last = undefined
  }

  /** Returns the turn with which the unit ends. */
  function enter(unit: Gathered): Turn {
    let fault = isDamaged ? trouble : disk.left < FULL ? `${path}: the disk is full` : undefined
    let of: Promise<boolean> | undefined
    if (fault === undefined) {
      disk.take(unit.bytes)
      try {
        of = unit.write()
      } catch (err) {
        fault = (err as Error).message
      }
    }
    if (of === undefined) {
      const refused = (last?.ended ?? NOTHING).then(() => {
        throw new Error(fault)
      })
      last = new Turn(undefined, refused, end)
    } else if (last?.of !== of) {
      // One that was refused ends before it, too; and LMDB splits a turn of many megabytes, whose parts it does not end in order.
      const before = last?.ended
      last = new Turn(of, before?.then(() => of) ?? of, end)
    }
    last.add(unit)
    return last
  }

  function commit(write: (unit: Unit) => void, { inOrder = true } = {}): Promise<void> {
    if (closed) return Promise.reject(new Error('the storage is closed'))
    const unit = new Gathered()
    try {
      write(unit)
      return unit.isEmpty ? endEmpty(unit, inOrder) : enter(unit).stored
    } catch (err) {
      return Promise.reject(err)
    }
  }

  function endEmpty(unit: Gathered, inOrder: boolean): Promise<void> {
    if (last && inOrder) return last.addEmpty(unit)
    for (const call of unit.done) call()
    return NOTHING
  }

  function eventually(write: (unit: Unit) => void): void {
    if (closed) return
    const unit = new Gathered()
    try {
      write(unit)
      if (unit.isEmpty) void endEmpty(unit, true)
      else enter(unit).again.push(write)
    } catch (err) {
      failed(err) // it would fail again
    }
  }

  function tryAgain(writes: readonly ((unit: Unit) => void)[]): void {
    if (closed || writes.length === 0) return
    const timer = setTimeout(() => {
      waiting.delete(timer)
      for (const write of writes) eventually(write)
    }, RETRY_MS)
    waiting.add(timer)
  }

  /** LMDB has no check of its own: what it cannot read is damaged, and so may be whatever is written after that. */
  function damaged(err: unknown): Damaged {
    const found = new Damaged(path, (err as Error).message, { cause: err })
    trouble = found.message
    if (!isDamaged) failed(found)
    isDamaged = true
    return found
  }

  function table<Value>(name: string, codec?: Codec<Value>): LmdbTable<Value> {
    const known = tables.get(name)
    if (known && (codec === undefined || known.codec === codec)) return known as LmdbTable<Value>
    const db = env.openDB<unknown>({
      name,
      ...(codec?.keepsNoBytes ? lent() : { encoding: codec ? 'binary' : 'msgpack' }),
    })
    const read = codec ? readerOf(codec, name) : (_key: Key, value: unknown) => value as Value
    const made: LmdbTable<Value> = {
      name,
      db,
      codec,
      get size() {
        return (db.getStats() as { entryCount: number }).entryCount
      },
      encode: codec && ((value) => codec.encode(value)),
      get(key) {
        try {
          const value = db.get(key as LmdbKey)
          return value === undefined ? undefined : read(key, value)
        } catch (err) {
          throw damaged(err)
        }
      },
      *entries(from) {
        try {
          for (const { key, value } of db.getRange(from === undefined ? {} : { start: from as LmdbKey })) {
            const found = read(key as Key, value)
            if (found !== undefined) yield { key: key as Key, value: found }
          }
        } catch (err) {
          throw damaged(err)
        }
      },
    }
    if (!known) tables.set(name, made as LmdbTable<unknown>)
    return made
  }

  /** A record that is broken is told, with what is lost by that, and stays where it is. */
  function readerOf<Value>(codec: Codec<Value>, name: string) {
    return (key: Key, value: unknown): Value | undefined => {
      try {
        return codec.decode(value as Buffer)
      } catch (err) {
        if (!(err instanceof Broken)) throw err
        const place = `the record ${JSON.stringify(key)} of the table ${name} in ${path}`
        failed(new Error(`${place} is broken (${err.message}) and left out: ${codec.holds} is lost`, { cause: err }))
        return undefined
      }
    }
  }

  return {
    table,
    commit,
    eventually,
    hasRoom: () => disk.left > 1,
    trouble: () => trouble,
    async close() {
      closed = true
      for (const timer of waiting) clearTimeout(timer)
      await last?.ended
      await env.close()
    },
  }
}

/**
 * Values where LMDB has them, in a buffer of its own, until it reads the next: a copy of each would take as much time as all that is
 * done with it. Of values of one size the view is the same.
 */
function lent() {
  let whole: Uint8Array | undefined
  let views: (Buffer | undefined)[] = []
  return {
    encoder: {
      encode: (bytes: Buffer) => bytes,
      /** @param bytes are longer than their `length` says */
      decode(bytes: Buffer): Buffer {
        if (bytes.length > VIEWED) return bytes.subarray(0, bytes.length)
        if (bytes !== whole) [whole, views] = [bytes, []]
        return (views[bytes.length] ??= bytes.subarray(0, bytes.length))
      },
    },
  }
}
