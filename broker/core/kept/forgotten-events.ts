import type { Forgotten } from '../../../shared/wire/done.ts'
import { parseJsonObject } from '../../../shared/wire/json.ts'
import { isOpenTopic } from '../../seam/topic-filter.ts'
import { Oldest } from '../../../shared/oldest.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import type { KeptRecord } from './kept-record.ts'

interface Entry extends Forgotten {
  /** The key of the last record that is meant. */
  upTo: number
}

/**
 * Which events are told no more although their records are there: a record may be many users', and goes when the last of them lets
 * it go. An entry goes with the last record that it is about.
 */
export function openForgotten(storage: Storage) {
  const table = storage.table<Entry>('inbox_forgotten')
  /** By field and value, the oldest first. */
  const entries = new Map<string, Entry>()
  const first = new Oldest(entries)
  for (const { key, value } of [...table.entries()].toSorted((a, b) => a.value.upTo - b.value.upTo)) {
    entries.set(String(key), value)
  }
  const keyOf = (field: string, value: unknown): string => `${field} ${String(value)}`

  return {
    get isEmpty(): boolean {
      return entries.size === 0
    },

    add(unit: Unit, what: Forgotten, upTo: number): void {
      const key = keyOf(what.field, what.value)
      const entry = { ...what, upTo }
      unit.put(table, key, entry)
      unit.afterwards(() => {
        entries.delete(key)
        entries.set(key, entry)
      })
    },

    has(key: number, record: KeptRecord): boolean {
      if (entries.size === 0 || (record.kind === 'message' && isOpenTopic(record.topic))) return false
      const fields = parseJsonObject(record.kind === 'event' ? record.body : record.payload)
      const event = record.kind === 'event' ? record.event : (fields['event'] ?? eventIn(record.topic))
      return Object.entries(fields).some(([field, value]) => {
        const entry = typeof value === 'string' ? entries.get(keyOf(field, value)) : undefined
        return entry !== undefined && key <= entry.upTo && entry.events.includes(event as string)
      })
    },

    /** There is no record before this any more. */
    drop(unit: Unit, oldest: number): void {
      for (let entry = first.entry; entry && entry[1].upTo < oldest; entry = first.entry) {
        entries.delete(entry[0])
        unit.remove(table, entry[0])
      }
    },
  }
}

/** The name in an event's topic: what stands behind the user id, which holds no underscore. */
function eventIn(topic: string): string {
  return topic.slice(topic.indexOf('_') + 1)
}
