import type { Forgotten } from '../../shared/wire/done.ts'
import { Oldest } from '../../shared/oldest.ts'
import type { JsonObject } from '../../shared/wire/json.ts'
import type { Storage, Unit } from '../storage/storage.ts'

/**
 * Entries that name forgotten events by field and value, the oldest first; in memory and in a table.
 * @param ageOf orders entries, the oldest first
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

    get youngest(): Entry | undefined {
      return [...entries.values()].at(-1)
    },

    add(unit: Unit, entry: Entry): void {
      const key = keyOf(entry.field, entry.value)
      unit.put(table, key, entry)
      unit.afterwards(() => {
        entries.delete(key)
        entries.set(key, entry)
      })
    },

    /** True when an entry that applies (`isAbout`) names this event by one of these fields. */
    has(event: string, fields: JsonObject, isAbout: (entry: Entry) => boolean): boolean {
      return Object.entries(fields).some(([field, value]) => {
        const entry = typeof value === 'string' ? entries.get(keyOf(field, value)) : undefined
        return entry !== undefined && isAbout(entry) && entry.events.includes(event)
      })
    },

    /** Drops up to `max` of the oldest entries that are over. */
    drop(unit: Unit, isOver: (entry: Entry) => boolean, max = Infinity): void {
      for (let left = max; left > 0; left--) {
        const [key, entry] = oldest.entry ?? []
        if (key === undefined || !isOver(entry!)) return
        entries.delete(key)
        unit.remove(table, key)
      }
    },
  }
}
