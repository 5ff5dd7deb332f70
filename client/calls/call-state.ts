import type { Event } from '../contract.ts'
import type { CallCode } from './call-error.ts'

export type CallState = 'ringing' | 'connecting' | 'connected' | 'reconnecting' | 'ended'
/** What can happen to a call: somebody answers, the media connection comes and goes, and it is over. */
export type Happening = 'answered' | 'up' | 'down' | 'over'

// What has no cell changes nothing.
// prettier-ignore
const NEXT: Record<CallState, Partial<Record<Happening, CallState>>> = {
  ringing:      { answered: 'connecting',                                           over: 'ended' },
  connecting:   {                         up: 'connected',                          over: 'ended' },
  connected:    {                                          down: 'reconnecting',    over: 'ended' },
  reconnecting: {                         up: 'connected',                          over: 'ended' },
  ended:        {                                                                                 },
}

export function nextState(state: CallState, happening: Happening): CallState {
  return NEXT[state][happening] ?? state
}

type Change = Pick<Event<'call_changed'>, 'state' | 'direction' | 'client_id'>

/** What the platform's news of a call means on this device: it rings, it was answered, or why it is over here. */
export function meaningOf(
  { state, direction, client_id }: Change,
  clientId: string,
): 'ringing' | 'answered' | CallCode {
  const isElsewhere = state === 'answered' && direction === 'in' && client_id !== clientId
  return isElsewhere ? 'answered_elsewhere' : state
}

/** Remembers the last calls by what is known of them, since the news of a call and its signals come in either order. */
export class KnownCalls {
  readonly #states = new Map<string, 'ringing' | 'over'>()
  readonly #most: number

  constructor(most = 200) {
    this.#most = most
  }

  /** A call that is over does not ring again. */
  learn(key: string, state: 'ringing' | 'over'): void {
    if (this.#states.get(key) === 'over') return
    this.#states.delete(key)
    this.#states.set(key, state)
    if (this.#states.size > this.#most) this.#states.delete(this.#states.keys().next().value!)
  }

  get(key: string): 'ringing' | 'over' | undefined {
    return this.#states.get(key)
  }
}
