import { firstOf } from '../../../shared/first-of.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Storage, Unit } from '../../storage/storage.ts'

/** Ranges remembered per user; an older range counts as forgotten after the next start. */
const MAX_HOLES = 100

/**
 * Ranges of numbers that were left out of inboxes. After a start they distinguish these from forgotten numbers, which a client must
 * learn about.
 */
export function openHoles(storage: Storage) {
  /** First and last number of each range, one after another. */
  const table = storage.table<number[]>('inbox_holes')
  const ranges = new Map<UserId, number[]>()
  for (const { key, value } of table.entries()) ranges.set(key as UserId, value)
  const changed = new Set<UserId>()

  return {
    /** True when all of these numbers were left out. */
    cover(user: UserId, from: number, to: number): boolean {
      if (from > to) return true
      const own = ranges.get(user) ?? []
      for (let i = 0; i < own.length; i += 2) if (own[i]! <= from && to <= own[i + 1]!) return true
      return false
    },

    /** The last number that was left out of each user's inbox. */
    *lasts(): Generator<[UserId, number]> {
      for (const [user, own] of ranges) yield [user, own.at(-1)!]
    },

    /** Adds a number after all earlier ones. */
    add(user: UserId, number: number): void {
      const own = ranges.get(user) ?? []
      ranges.set(user, own)
      if (own.at(-1) === number - 1) own[own.length - 1] = number
      else own.push(number, number)
      if (own.length > 2 * MAX_HOLES) own.splice(0, 2)
      changed.add(user)
    },

    /** Removes the ranges of a user who has no events left. */
    forget(unit: Unit, user: UserId): void {
      if (!ranges.delete(user)) return
      changed.delete(user)
      unit.remove(table, user)
      unit.otherwise(() => changed.add(user))
    },

    /**
     * Stores the changed ranges of at most so many users. Returns true when there are more.
     * @param startOf numbers below this are forgotten anyway
     */
    store(unit: Unit, startOf: (user: UserId) => number, most: number): boolean {
      if (changed.size === 0) return false
      const some = firstOf(changed, most)
      for (const user of some) {
        changed.delete(user)
        const first = startOf(user)
        const own = ranges.get(user) ?? []
        while (own.length > 0 && own[1]! < first) own.splice(0, 2)
        if (own.length > 0) unit.put(table, user, [...own])
        else {
          ranges.delete(user)
          unit.remove(table, user)
        }
      }
      unit.otherwise(() => some.forEach((user) => changed.add(user)))
      return changed.size > 0
    },
  }
}
