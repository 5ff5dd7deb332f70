import type { Board as Whole } from '../board.ts'
import type { Event } from '../contract.ts'

/** What calls need of the board that they belong to. */
export type Board = Pick<Whole, 'call' | 'on' | 'clientId'>

export type Signal = Event<'signal'>
export type SignalType = Signal['type']

/** `keep: false` sends at once and stores nothing: a page that goes away cannot wait for its store. */
export interface HowToLeave {
  keep?: boolean
}

/** The platform's code of an error that the board threw; undefined for any other error. */
export function codeOf(err: unknown): string | undefined {
  const code = typeof err === 'object' && err !== null && 'code' in err ? err.code : undefined
  return typeof code === 'string' ? code : undefined
}
