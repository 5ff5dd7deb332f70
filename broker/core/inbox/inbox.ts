import { firstOf } from '../../../shared/first-of.ts'
import { parseJsonObject } from '../../../shared/wire/json.ts'
import type { EventName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Box } from '../kept/box.ts'
import type { Holders } from '../kept/holders.ts'
import type { KeptEvents } from '../kept/kept-events.ts'
import type { KeptEvent, KeptRecord } from '../kept/kept-record.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { tooLargeAgain } from '../events/too-large-answer.ts'
import { openEpoch } from './epoch.ts'
import { openHoles } from './inbox-holes.ts'
import { Line, type LinePorts } from './inbox-line.ts'

/** An event with its number for one receiver. */
export interface Numbered {
  number: number
  event: EventName
  body: Buffer
}

/** The events that a user has missed, in order; `recovered: false` when some of them are gone. `last`: the user's last number. */
export type Missed =
  { recovered: false; last: number } | { recovered: true; last: number; events: Numbered[]; more: boolean }

/** How much to return. */
export interface Page {
  /** Events, at most. */
  limit: number
  /** Bytes of all events, at most; the first event may be larger. */
  bytes: number
  /** Bytes of one event, at most. A larger answer is replaced by a refusal; another larger event is left out. */
  largest?: number
  /** Events that this reader may not see are left out. */
  mayRead: (event: EventName) => boolean
}

interface Bounds {
  /** Events of one user, at most. */
  events: number
  /** Milliseconds after which an event is dropped. */
  ageMs: number
}

/** Work of one turn of ageing: a record counts once per receiver. At least one record is aged. */
const LOOKED_AT_ONCE = 64
/** Milliseconds between two searches for events that are too old. */
const LOOK = 1_000
/** Bytes of an event's name and number, at most. */
const HEAD = 110

export type Inbox = Awaited<ReturnType<typeof openInbox>>

/**
 * The events of each user, numbered 1, 2, 3… so that a client notices a gap and can ask for what it missed. When a unit cannot be
 * stored, its number is not reused: it leaves a hole.
 */
export async function openInbox(storage: Storage, kept: KeptEvents, bounds: Bounds) {
  /** The last numbers of users who have no events left. */
  const ends = storage.table<number>('inbox_ends')
  const holes = openHoles(storage)

  const epoch = await openEpoch(storage)

  /** Lines of users who have events, or are about to. */
  const lines = new Map<UserId, Line>()
  /** Users who have no events left, which is to be stored. */
  const emptied = new Set<UserId>()
  /** Records up to this key are too old and in no inbox. */
  let aged = 0
  let looking: Promise<void> | undefined
  let isClosed = false
  const clock = setInterval(look, Math.min(LOOK, bounds.ageMs)).unref()

  const ports: LinePorts = { letGo, leftOut: (user, number) => holes.add(user as UserId, number) }
  function lineOf(user: UserId): Line {
    let line = lines.get(user)
    if (!line) lines.set(user, (line = new Line(ends.get(user) ?? 0, ports)))
    return line
  }

  function letGo(box: Box, key: number): void {
    const user = box.user as UserId
    if (lines.get(user)?.count === 0) {
      emptied.add(user)
      kept.changed()
    }
    kept.release(box, key)
  }

  /** A record far in the future also counts as old: it was kept before the clock was set back. */
  function isOld({ at }: KeptRecord): boolean {
    return Math.abs(Date.now() - at) > bounds.ageMs
  }

  /** Drops some events that are too old, in the order of their keys. Returns true when there may be more. */
  function ageSome(): boolean {
    if (isClosed) return false
    let left = LOOKED_AT_ONCE
    for (const { key, record } of kept.entries(aged + 1)) {
      if (!isOld(record) || kept.isSpreading(key)) return false
      if (left <= 0) return true
      left -= record.kind === 'event' ? record.to.length : 1
      aged = key
      if (record.kind === 'event' && record.isInInbox) {
        record.numbers.forEach((number, i) => lines.get(record.to[i]!)?.forget(number))
      }
    }
    return false
  }

  async function age(): Promise<void> {
    while (ageSome()) await new Promise((resolve) => setImmediate(resolve))
    await storage.commit((unit) => kept.tidyForgotten(unit), { inOrder: false })
  }

  /** Drops events that are too old, a few per turn. */
  function look(): void {
    if (isClosed) return
    looking ??= age()
      .catch(() => {}) // the storage has logged it; the next search tries again
      .finally(() => (looking = undefined))
  }

  function lastOf(user: UserId): number {
    kept.settle(user)
    return lines.get(user)?.last ?? ends.get(user) ?? 0
  }

  const holders: Holders['inbox'] = {
    receive(box, key, number, isOfOld) {
      const user = box.user as UserId
      const line = lineOf(user)
      if (isOfOld) {
        // Missing numbers in between were forgotten, unless they were left out.
        if (number <= line.given) return
        if (!holes.cover(user, line.given + 1, number - 1)) line.forget(number - 1)
        line.given = number
      }
      line.append(number, box, key)
      kept.hold(box, key)
      while (line.count > bounds.events) line.shift()
    },
    lose(box, key) {
      const number = box.numberOf(key)
      if (number === 0) return
      const line = lines.get(box.user as UserId)!
      if (box.isFromStranger(key)) line.leaveOut(key)
      else line.forget(number)
    },
    tidy(unit, most) {
      const hasMoreHoles = holes.store(unit, (user) => lines.get(user)?.first ?? Infinity, most)
      if (emptied.size === 0) return hasMoreHoles
      const some = firstOf(emptied, most)
      for (const user of some) {
        emptied.delete(user)
        forgetLine(unit, user)
      }
      unit.otherwise(() => some.forEach((user) => emptied.add(user)))
      return hasMoreHoles || emptied.size > 0
    },
  }

  /** Stores the last number of a user who has no events left. */
  function forgetLine(unit: Unit, user: UserId): void {
    const line = lines.get(user)
    if (!line || line.count > 0) return
    unit.put(ends, user, line.last)
    holes.forget(unit, user)
    unit.afterwards(() => {
      if (line.count === 0 && line.given === line.last && lines.get(user) === line) lines.delete(user)
    })
  }

  return {
    holders,
    /** Called once all kept records have been given out. Numbers left out after the last event must not be reused. */
    opened(): void {
      for (const [user, number] of holes.lasts()) {
        if (number <= lastOf(user)) continue
        const line = lineOf(user)
        line.given = line.last = number
      }
    },
    /** Identifies this storage: numbers continue as long as it exists. */
    epoch,
    /** The number of a user's last stored event; 0 when there is none. */
    lastOf,
    /** How many events a user's inbox holds. */
    countOf: (user: UserId): number => lines.get(user)?.count ?? 0,

    /** The next number of each receiver. */
    number: (to: readonly UserId[]): number[] => to.map((user) => ++lineOf(user).given),

    /** Resolves when all events kept until now are stored, so that `after` returns them. */
    settled: (): Promise<void> => storage.commit(() => {}),

    /** The events that a user got after the number `since`. */
    after(user: UserId, since: number, { limit, bytes: max, largest = Infinity, mayRead }: Page): Missed {
      const last = lastOf(user)
      const line = lines.get(user)
      if (since > last || since < (line ? line.first - 1 : last)) return { recovered: false, last }
      const events: Numbered[] = []
      let size = 0
      for (const [number, key] of line?.after(since) ?? []) {
        const found = kept.read(key)
        const record = found?.kind === 'event' && mayRead(found.event) && fitting(found, largest - HEAD)
        if (!record) continue // forgotten, or not for this reader
        size += record.body.length + HEAD
        if (events.length === limit || (events.length > 0 && size > max)) {
          return { recovered: true, last, events, more: true }
        }
        events.push({ number, event: record.event, body: record.body })
      }
      return { recovered: true, last, events, more: false }
    },

    async close(): Promise<void> {
      isClosed = true
      clearInterval(clock)
      await looking
    },
  }
}

/** An event for a client that accepts at most `largest` bytes; undefined when it is left out. */
function fitting(record: KeptEvent, largest: number): Pick<KeptEvent, 'event' | 'body'> | undefined {
  if (record.body.length <= largest) return record
  if (record.answers === undefined) return undefined
  const refused = tooLargeAgain(record.answers, parseJsonObject(record.body))
  return refused.body.length <= largest ? refused : undefined
}
