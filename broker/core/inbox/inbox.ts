import { randomUUID } from 'node:crypto'
import type { Forgotten } from '../../../shared/wire/done.ts'
import { parseJsonObject } from '../../../shared/wire/json.ts'
import type { EventName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import { openForgotten } from './inbox-forgotten.ts'
import { Line } from './inbox-line.ts'
import { inboxRecord } from './inbox-record.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { tooLargeAgain } from '../events/too-large-answer.ts'

/** One event, whoever gets it. */
export interface Kept {
  to: readonly UserId[]
  /** What it is numbered for each of them. */
  numbers: readonly number[]
  event: EventName
  /** Its JSON, but for its name and number. */
  body: Buffer
  /** The command that it answers. */
  answers?: string | undefined
  /** When it was kept, in milliseconds since 1970. */
  at: number
}

/** An event as one of its receivers has it. */
export interface Numbered {
  number: number
  event: EventName
  body: Buffer
}

/** What a user has missed, in order; or `recovered: false` when not all of it can be told any more. `last` is his last number. */
export type Missed =
  { recovered: false; last: number } | { recovered: true; last: number; events: Numbered[]; more: boolean }

/** How much of it is wanted. */
export interface Page {
  /** Events. */
  limit: number
  /** Bytes of them; the first one may be larger. */
  bytes: number
  /** Bytes of one, at most: an answer that is larger is told as refused, and anything else is left out. */
  largest?: number
  /** What is not for this reader is left out. */
  mayRead: (event: EventName) => boolean
}

interface Bounds {
  /** Events of one user. */
  events: number
  /** Milliseconds. */
  ageMs: number
  /** Bytes of all. */
  bytes: number
}

/** Records removed in one turn, each counted as often as it has receivers; but one, at least. */
const REMOVED_AT_ONCE = 64
/** Milliseconds between two looks for what is too old. */
const LOOK = 1_000
/** Bytes of a record beside its body, and beside that for each receiver: more or less. */
const [PER_RECORD, PER_RECEIVER] = [100, 40]
/** Bytes of an event's name and number when it is read, at most. */
const HEAD = 110

export type Inbox = Awaited<ReturnType<typeof openInbox>>

/**
 * The events of each user, numbered 1, 2, 3… for him, so that a client sees a gap and can ask for what it missed. One record an
 * event in the broker's storage, however many get it; in memory one key for each receiver. A number whose unit could not be stored
 * is given to no other event: a hole, at worst.
 */
export async function openInbox(storage: Storage, bounds: Bounds) {
  const records = storage.table('kept', inboxRecord)
  /** The last numbers of users whose events are all forgotten. */
  const ends = storage.table<number>('inbox_ends')
  const epochs = storage.table<string>('inbox_epoch')
  const forgotten = openForgotten(storage)

  const epoch = epochs.get('epoch') ?? randomUUID()
  await storage.commit((unit) => unit.put(epochs, 'epoch', epoch))

  /** Of those who have events, or are about to. The key of an event that others got too is negative. */
  const lines = new Map<UserId, Line>()
  /** Keys of records whose removal is not stored yet. */
  const leaving = new Set<number>()
  let lastKey = 0
  /** No record has a smaller key. */
  let oldest = 0
  let bytes = 0
  let removing: Promise<void> | undefined
  let isClosed = false

  for (const { key, value } of records.entries()) {
    lastKey = Number(key)
    const size = sizeOf(value)
    bytes += size
    eachOf(lastKey, value, (line, number, own) => {
      line.recover(number, own, size)
      if (line.length > bounds.events) line.shift()
    })
  }
  const clock = setInterval(look, Math.min(LOOK, bounds.ageMs)).unref()

  function lineOf(user: UserId): Line {
    let line = lines.get(user)
    if (!line) lines.set(user, (line = new Line(ends.get(user) ?? 0)))
    return line
  }

  function eachOf(
    key: number,
    { to, numbers }: Kept,
    call: (line: Line, number: number, own: number, user: UserId) => void,
  ): void {
    const own = to.length > 1 ? -key : key
    for (const [i, user] of to.entries()) call(lineOf(user), numbers[i]!, own, user)
  }

  /** Makes room for one more. What others got too stays on the disk until its own time comes. */
  function makeRoom(unit: Unit, line: Line): void {
    while (line.length > 0 && line.given - line.first >= bounds.events) {
      const { key, bytes: size } = line.shift()
      if (key > 0) remove(unit, key, size)
    }
  }

  function remove(unit: Unit, key: number, size: number): void {
    leaving.add(key)
    bytes -= size
    unit.remove(records, key)
    unit.afterwards(() => void leaving.delete(key))
    unit.otherwise(() => {
      leaving.delete(key)
      bytes += size
      oldest = Math.min(oldest, key)
    })
  }

  /** A record's time has come. Its receivers forget it; who has no other event leaves his last number behind. */
  function expire(unit: Unit, key: number, record: Kept): void {
    remove(unit, key, sizeOf(record))
    eachOf(key, record, (line, number, _own, user) => {
      line.forget(number)
      if (line.length > 0) return
      unit.put(ends, user, line.last)
      unit.afterwards(() => {
        if (line.length === 0 && line.given === line.last && lines.get(user) === line) lines.delete(user)
      })
    })
  }

  /** One so far in the future was kept before the clock was set back. */
  function isOld({ at }: Kept): boolean {
    return Math.abs(Date.now() - at) > bounds.ageMs
  }

  /** Removes the oldest records that must go, in the order of their keys, which no clock changes. True when there may be more. */
  function removeOldest(unit: Unit, mustGo: (record: Kept) => boolean): boolean {
    let left = REMOVED_AT_ONCE
    for (const { key, value } of records.entries(oldest)) {
      oldest = Number(key)
      forgotten.drop(unit, oldest)
      if (leaving.has(oldest)) continue
      if (!mustGo(value)) return false
      if (left <= 0) return true
      left -= value.to.length
      expire(unit, oldest, value)
    }
    return false
  }

  async function removeAll(): Promise<void> {
    // To a little below the bound, or it would be met again at once.
    const aim = bytes > bounds.bytes ? bounds.bytes - bounds.bytes / 64 : bounds.bytes
    while (await removeSome((record) => bytes > aim || isOld(record)));
  }

  async function removeSome(mustGo: (record: Kept) => boolean): Promise<boolean> {
    let more = false
    await storage.commit((unit) => void (more = removeOldest(unit, mustGo)), { inOrder: false })
    return more && !isClosed
  }

  /** Lets go what is too old or too much: a few at a time, so that no turn is long. */
  function look(): void {
    if (isClosed) return
    removing ??= removeAll()
      .catch(() => {}) // the storage has told; the next look tries again
      .finally(() => (removing = undefined))
  }

  const lastOf = (user: UserId): number => lines.get(user)?.last ?? ends.get(user) ?? 0

  return {
    /** Names this storage: the numbers go on as long as it is kept. */
    epoch,
    /** The last number of a user whose event is stored; 0 when there is none. */
    lastOf,

    /** The next number of each. */
    number: (to: readonly UserId[]): number[] => to.map((user) => ++lineOf(user).given),

    /** Stores an event with its numbers, in the order in which they were given. */
    keep(unit: Unit, event: Omit<Kept, 'at'>): void {
      if (event.to.length === 0) return
      const record: Kept = { ...event, at: Date.now() }
      const key = ++lastKey
      unit.put(records, key, record)
      for (const user of record.to) makeRoom(unit, lineOf(user))
      unit.afterwards(() => {
        const size = sizeOf(record)
        bytes += size
        eachOf(key, record, (line, number, own) => line.append(number, own, size))
        if (bytes > bounds.bytes) look()
      })
    },

    /** Tells no more of what was kept by now. */
    forget: (unit: Unit, what: Forgotten): void => forgotten.add(unit, what, lastKey),

    /** Resolves when all that was kept until now is stored, and so is in `after`. */
    settled: (): Promise<void> => storage.commit(() => {}),

    /** What a user got after the number `since`. */
    after(user: UserId, since: number, { limit, bytes: most, largest = Infinity, mayRead }: Page): Missed {
      const last = lastOf(user)
      const line = lines.get(user)
      if (since > last || since < (line ? line.first - 1 : last)) return { recovered: false, last }
      const events: Numbered[] = []
      let size = 0
      for (let number = since + 1; number <= last; number++) {
        const key = Math.abs(line!.keyOf(number))
        const kept = records.get(key)
        const record = kept && fitting(kept, largest - HEAD)
        if (!record || !mayRead(record.event) || forgotten.has(key, record)) continue // a hole, or not for him
        size += record.body.length + HEAD
        if (events.length === limit || (events.length > 0 && size > most)) {
          return { recovered: true, last, events, more: true }
        }
        events.push({ number, event: record.event, body: record.body })
      }
      return { recovered: true, last, events, more: false }
    },

    async close(): Promise<void> {
      isClosed = true
      clearInterval(clock)
      await removing
    },
  }
}

/** An event as somebody gets it who takes no more than so many bytes. */
function fitting(record: Kept, largest: number): Kept | undefined {
  if (record.body.length <= largest) return record
  if (record.answers === undefined) return undefined
  const refused = tooLargeAgain(record.answers, parseJsonObject(record.body))
  return refused.body.length <= largest ? { ...record, ...refused } : undefined
}

function sizeOf({ to, body }: Kept): number {
  return PER_RECORD + PER_RECEIVER * to.length + body.length
}
