import type { Key as LmdbKey } from 'lmdb'
import { Damaged } from '../../shared/wire/refusal.ts'
import { DiskRoom } from './disk-room.ts'
import { causeOf, isDamage, openFile } from './lmdb-file.ts'
import { Broken, type Codec, type Decoder } from './record.ts'
import type { Key, Storage, Unit } from './storage.ts'
import { Gathered, Turn, type LmdbTable } from './turn.ts'

const RETRY_MS = 1_000
/** Part of the disk's reserve below which every write is refused. */
const FULL = 0.25
const NOTHING = Promise.resolve()
/** Largest value, in bytes, for which a view of its size is cached. */
const VIEWED = 1_024

/** Called when a transaction has ended: after so many seconds, with so many units. */
export type Committed = (seconds: number, units: number, failed: boolean) => void

/**
 * Storage on LMDB. All writes of one turn of the event loop form one transaction, which another thread writes and fsyncs. The units of
 * a turn share one promise and one list of callbacks.
 * @param failed is called each time something could not be stored
 * @param committed is called for each transaction
 * @throws {Damaged} when the file is not an LMDB file
 * @throws {Error} with the path, when the file cannot be opened
 */
export function openLmdb(
  path: string,
  failed: (err: unknown) => void = () => {},
  committed: Committed = () => {},
): Storage {
  const env = openFile(path)
  const disk = new DiskRoom(path)
  const tables = new Map<string, LmdbTable<unknown>>()
  /** The latest turn that is not finished. */
  let last: Turn | undefined
  let trouble: string | undefined
  let isDamaged = false
  let closed = false
  const waiting = new Set<NodeJS.Timeout>()

  const end = {
    stored(turn: Turn): void {
      if (!isDamaged) trouble = undefined
      committed((performance.now() - turn.since) / 1000, turn.units, false)
      callAll(turn, turn.done)
    },
    async failed(turn: Turn, thrown: unknown): Promise<never> {
      committed((performance.now() - turn.since) / 1000, turn.units, true)
      callAll(turn, turn.undo)
      tryAgain(turn.again)
      const err = await causeOf(thrown)
      if (isDamage(err)) damaged(err)
      else {
        if (!isDamaged) trouble = `cannot write ${path}: ${(err as Error).message}`
        failed(err)
      }
      throw err
    },
  }

  /** An error in one callback does not keep the others from running. */
  function callAll(turn: Turn, calls: readonly (() => void)[]): void {
    for (const call of calls) {
      try {
        call()
      } catch (err) {
        failed(new Error('a callback after a write failed', { cause: err }))
      }
    }
    if (last === turn) last = undefined
  }

  /** Hands the unit to LMDB. Returns the turn it belongs to. */
  function enter(unit: Gathered): Turn {
    let fault = isDamaged ? trouble : disk.left < FULL ? `${path}: the disk is full` : undefined
    let of: Promise<boolean> | undefined
    if (fault === undefined) {
      disk.spend(unit.bytes)
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
      // Refused units must end in order too, and LMDB splits a turn of many megabytes into transactions that may end out of order.
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
      failed(err) // a retry would fail again
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

  /** Notes damage. LMDB keeps no checksums: after an unreadable page, later writes may be damaged too. */
  function damaged(err: unknown): Damaged {
    const found = new Damaged(path, (err as Error).message, { cause: err })
    trouble = found.message
    if (!isDamaged) failed(found)
    isDamaged = true
    return found
  }

  function table<Value>(name: string, codec?: Codec<Value> | Decoder<Value>): LmdbTable<Value> {
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
      encode: codec && ('encode' in codec ? (value) => codec.encode(value) : isOnlyRead),
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

  /** Reports a broken record with what is lost, skips it, and leaves it in place. */
  function readerOf<Value>(codec: Decoder<Value>, name: string) {
    return (key: Key, value: unknown): Value | undefined => {
      try {
        return codec.decode(value as Buffer)
      } catch (err) {
        if (!(err instanceof Broken)) throw err
        const place = `record ${JSON.stringify(key)} of table ${name} in ${path}`
        failed(new Error(`${place} is broken (${err.message}) and was skipped: ${codec.holds} is lost`, { cause: err }))
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

function isOnlyRead(): never {
  throw new Error('cannot write: the table was opened with a decoder alone')
}

/**
 * An encoder that returns values as views of LMDB's read buffer, valid until the next read: copying each would cost as much as
 * decoding it. Values of equal size share one view.
 */
function lent() {
  let whole: Uint8Array | undefined
  let views: (Buffer | undefined)[] = []
  return {
    encoder: {
      encode: (bytes: Buffer) => bytes,
      /** @param bytes LMDB's buffer, which is longer than its `length` says */
      decode(bytes: Buffer): Buffer {
        if (bytes.length > VIEWED) return bytes.subarray(0, bytes.length)
        if (bytes !== whole) [whole, views] = [bytes, []]
        return (views[bytes.length] ??= bytes.subarray(0, bytes.length))
      },
    },
  }
}
