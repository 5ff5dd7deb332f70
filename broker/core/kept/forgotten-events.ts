import type { Forgotten } from '../../../shared/wire/done.ts'
import { parseJsonObject } from '../../../shared/wire/json.ts'
import { isOpenTopic } from '../../seam/topic-filter.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { openForgotten } from '../forgotten.ts'
import type { KeptRecord } from './kept-record.ts'

interface Entry extends Forgotten {
  /** Applies to records up to this key. */
  upTo: number
}

/**
 * Events that are no longer delivered although their records exist: many users may share a record, which goes when the last of them
 * lets it go. An entry goes with the last record that it applies to.
 */
export function openForgottenEvents(storage: Storage) {
  const entries = openForgotten<Entry>(storage, 'inbox_forgotten', ({ upTo }) => upTo)

  return {
    get isEmpty(): boolean {
      return entries.isEmpty
    },

    /** The last key that an entry applies to. */
    get last(): number {
      return entries.youngest?.upTo ?? 0
    },

    add: (unit: Unit, what: Forgotten, upTo: number): void => entries.add(unit, { ...what, upTo }),

    has(key: number, record: KeptRecord): boolean {
      if (entries.isEmpty || (record.kind === 'message' && isOpenTopic(record.topic))) return false
      const fields = parseJsonObject(record.kind === 'event' ? record.body : record.payload)
      const event = record.kind === 'event' ? record.event : (fields['event'] ?? eventIn(record.topic))
      return entries.has(event as string, fields, ({ upTo }) => key <= upTo)
    },

    /** Drops entries that only apply to records before the oldest. */
    drop: (unit: Unit, oldest: number): void => entries.drop(unit, ({ upTo }) => upTo < oldest),
  }
}

/** The event's name in a topic: it follows the user id, which holds no underscore. */
function eventIn(topic: string): string {
  return topic.slice(topic.indexOf('_') + 1)
}
