import type { State } from './connection.ts'
import type { Event, Events } from './contract.ts'
import type { Uncertain } from './errors.ts'
import type { Waiting } from './open-calls.ts'

/** What a board tells besides the platform's events. No handler may declare an event of these names. */
export interface OwnEvents {
  /** Events are missing that cannot be had any more, or this is the first start: fetch the state of the app. */
  reset: []
  state: [state: State, reason: string | undefined]
  /** The outbox has changed. */
  waiting: [calls: Waiting[]]
  /** The answer of a command is lost, and it is too old to be sent again. Its call rejects with the same, if it still waits. */
  uncertain: [err: Uncertain]
  /** A listener threw, the store cannot be written, or the listeners are too slow. */
  fault: [err: unknown]
  /** Every event of the platform. */
  '*': [event: { [Name in keyof Events]: Event<Name> }[keyof Events]]
}
