import type { Forgotten } from '../../../shared/wire/done.ts'
import { steady } from '../../../shared/steady.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import type { TimedEvent } from '../events/events.ts'
import { openForgotten } from '../forgotten.ts'

interface Entry extends Forgotten {
  /** Applies to answers that are remembered until then at most, by `steady`: those given before the entry. */
  until: number
}

/** Entries dropped at a time, at most. */
const AT_ONCE = 4

/** Answers that are no longer repeated, because what they tell was deleted later. An entry goes once all such answers have gone. */
export function openForgottenAnswers(storage: Storage, windowMs: number) {
  const entries = openForgotten<Entry>(storage, 'answers_forgotten', ({ until }) => until)

  return {
    add: (unit: Unit, what: Forgotten): void => entries.add(unit, { ...what, until: steady() + windowMs }),

    /** @param until when the answer is forgotten anyway */
    has: ({ event, fields }: TimedEvent, until: number): boolean =>
      !entries.isEmpty && entries.has(event, fields, (entry) => until <= entry.until),

    /** Drops entries that no longer apply to any answer. */
    tidy: (unit: Unit): void => entries.drop(unit, ({ until }) => until <= steady(), AT_ONCE),
  }
}
