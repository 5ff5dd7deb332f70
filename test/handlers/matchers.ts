import { expect } from '@jest/globals'
import type { Code } from '../../shared/wire/refusal.ts'
import type { Answer } from './person.ts'
import type { Expected } from './terms.ts'

// How a test checks an answer: expect(await alice.calls('add_note', { text })).toAnswer('note_added', { text })

type EventsOf<T> = T extends Answer<infer Events> ? Events : never

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> {
    /** It is this event, and holds these fields, as with `toMatchObject`. */
    toAnswer<Name extends keyof EventsOf<T> & string>(event: Name, fields?: Expected<EventsOf<T>[Name]>): R
    /** It is `command_rejected` with this code; for `bad_payload`, `fields` maps each wrong field to what is wrong with it. */
    toBeRefused(code: Code, fields?: Record<string, unknown>): R
  }
}

/** Adds these matchers to `expect`. */
export function learnToAnswer(): void {
  expect.extend({
    toAnswer(answer: unknown, event: string, fields: object = {}) {
      return matches(this, 'toAnswer', answer, { event, ...fields })
    },
    toBeRefused(answer: unknown, code: Code, fields?: object) {
      return matches(this, 'toBeRefused', answer, { event: 'command_rejected', code, ...(fields && { fields }) })
    },
  })
}

type Context = ThisParameterType<Parameters<typeof expect.extend>[0][string]>

function matches({ equals, utils, customTesters }: Context, name: string, answer: unknown, wanted: object) {
  const pass = equals(answer, wanted, [...customTesters, utils.iterableEquality, utils.subsetEquality])
  return {
    pass,
    message: () =>
      `${utils.matcherHint(name, 'answer')}\n\n` +
      (pass
        ? `Expected another answer than: ${utils.printExpected(wanted)}`
        : utils.printDiffOrStringify(wanted, answer, 'Expected', 'Answered', true)),
  }
}
