import type { Forgotten } from '../../../shared/wire/done.ts'
import { Oldest } from '../../../shared/oldest.ts'
import { steady } from '../../../shared/steady.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import type { TimedEvent } from '../events/events.ts'

interface Entry extends Forgotten {
  /** Answers that are remembered until then, by `steady`, and no longer, are meant. */
  until: number
}

/** Entries dropped at a time, at most. */
const AT_ONCE = 4

/** Which answers are told no more, since what they tell of was deleted after they were given. An entry goes when they all have gone. */
export function openForgottenAnswers(storage: Storage, windowMs: number) {
  const table = storage.table<Entry>('answers_forgotten')
  const entries = new Map<string, Entry>()
  const oldest = new Oldest(entries)
  for (const { key, value } of [...table.entries()].toSorted((a, b) => a.value.until - b.value.until)) {
    entries.set(String(key), value)
  }
  const keyOf = (field: string, value: unknown): string => `${field} ${String(value)}`

  return {
    add(unit: Unit, what: Forgotten): void {
      const [key, entry] = [keyOf(what.field, what.value), { ...what, until: steady() + windowMs }]
      unit.put(table, key, entry)
      unit.afterwards(() => {
        entries.delete(key)
        entries.set(key, entry)
      })
    },

    /** @param until until when it is remembered */
    has({ event, fields }: TimedEvent, until: number): boolean {
      if (entries.size === 0) return false
      return Object.entries(fields).some(([field, value]) => {
        const entry = typeof value === 'string' ? entries.get(keyOf(field, value)) : undefined
        return entry !== undefined && until <= entry.until && entry.events.includes(event)
      })
    },

    /** Drops what is about no answer any more. */
    tidy(unit: Unit): void {
      for (let left = AT_ONCE; left > 0; left--) {
        const [key, entry] = oldest.entry ?? []
        if (!entry || entry.until > steady()) return
        entries.delete(key!)
        unit.remove(table, key!)
      }
    },
  }
}
