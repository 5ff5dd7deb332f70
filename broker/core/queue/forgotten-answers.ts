import type { Forgotten } from '../../../shared/wire/done.ts'
import { steady } from '../../../shared/steady.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import type { TimedEvent } from '../events/events.ts'
import { openForgotten } from '../forgotten.ts'

interface Entry extends Forgotten {
  /** Answers that are remembered until then, by `steady`, and no longer, are meant. */
  until: number
}

/** Entries dropped at a time, at most. */
const AT_ONCE = 4

/** Which answers are told no more, since what they tell of was deleted after they were given. An entry goes when they all have gone. */
export function openForgottenAnswers(storage: Storage, windowMs: number) {
  const entries = openForgotten<Entry>(storage, 'answers_forgotten', ({ until }) => until)

  return {
    add: (unit: Unit, what: Forgotten): void => entries.add(unit, { ...what, until: steady() + windowMs }),

    /** @param until until when it is remembered */
    has: ({ event, fields }: TimedEvent, until: number): boolean =>
      !entries.isEmpty && entries.has(event, fields, (entry) => until <= entry.until),

    /** Drops what is about no answer any more. */
    tidy: (unit: Unit): void => entries.drop(unit, ({ until }) => until <= steady(), AT_ONCE),
  }
}
