import type { Forgotten } from '../../shared/wire/done.ts'
import { Oldest } from '../../shared/oldest.ts'
import type { JsonObject } from '../../shared/wire/json.ts'
import type { Storage, Unit } from '../storage/storage.ts'

/**
 * What is to be told no more, by field and value, the oldest first: in memory and in a table.
 * @param ageOf by what entries grow older
 */
export function openForgotten<Entry extends Forgotten>(
  storage: Storage,
  name: string,
  ageOf: (entry: Entry) => number,
) {
  const table = storage.table<Entry>(name)
  const entries = new Map<string, Entry>()
  const oldest = new Oldest(entries)
  for (const { key, value } of [...table.entries()].toSorted((a, b) => ageOf(a.value) - ageOf(b.value))) {
    entries.set(String(key), value)
  }
  const keyOf = (field: string, value: unknown): string => `${field} ${String(value)}`

  return {
    get isEmpty(): boolean {
      return entries.size === 0
    },

    add(unit: Unit, entry: Entry): void {
      const key = keyOf(entry.field, entry.value)
      unit.put(table, key, entry)
      unit.afterwards(() => {
        entries.delete(key)
        entries.set(key, entry)
      })
    },

    /** Is one of these fields of that event meant, by an entry that is about it? */
    has(event: string, fields: JsonObject, isAbout: (entry: Entry) => boolean): boolean {
      return Object.entries(fields).some(([field, value]) => {
        const entry = typeof value === 'string' ? entries.get(keyOf(field, value)) : undefined
        return entry !== undefined && isAbout(entry) && entry.events.includes(event)
      })
    },

    /** Drops the oldest entries that are over, so many at most. */
    drop(unit: Unit, isOver: (entry: Entry) => boolean, most = Infinity): void {
      for (let left = most; left > 0; left--) {
        const [key, entry] = oldest.entry ?? []
        if (key === undefined || !isOver(entry!)) return
        entries.delete(key)
        unit.remove(table, key)
      }
    },
  }
}
