import { GRACE } from '../../wire/member.ts'
import type { Held, Holdings } from './held.ts'
import { STOOD_STILL, type Pulse } from './pulse.ts'

/** Milliseconds for which a main thread may be stuck before its process ends: the broker hears of it meanwhile. */
const STUCK = 3_000

interface Connection {
  readonly held: Holdings
  readonly pulse: Pulse
  /** Command to the milliseconds of one attempt. */
  readonly limits: Readonly<Record<string, number>>
}

/** The main thread does not answer, and has computed for longer than anything that it runs may take. */
export interface Stuck {
  /** The command that overran its limit; undefined when none runs that has not ended: one whose attempt is over goes on. */
  readonly name: string | undefined
  /** Milliseconds past that limit, or past the longest of all. */
  readonly overMs: number
  /** It has been so for too long: the process must end. */
  readonly mustEnd: boolean
}

/**
 * What the main thread of this process runs, over all connections: a handler that computes holds up every group that the process
 * serves, and a connection that is lost stops no handler.
 */
export class Running {
  readonly #connections = new Set<Connection>()
  #now = 0
  #looked = performance.now()
  #isEnding = false

  /** Milliseconds on a clock that stands still while the whole process does. */
  get now(): number {
    return this.#now
  }

  /** A connection is there; returns what takes it away. */
  add(connection: Connection): () => void {
    this.#connections.add(connection)
    return () => void this.#connections.delete(connection)
  }

  /** At every tick of any connection. */
  look(): void {
    const at = performance.now()
    this.#now += Math.min(at - this.#looked, STOOD_STILL)
    this.#looked = at
    for (const { held } of this.#connections) held.look(this.#now)
  }

  /** In whose synchronous beginning the main thread is, if it is in one: when it computes, that is no other's fault. */
  get entered(): Held | undefined {
    for (const { held, pulse } of this.#connections) {
      const one = held.begun(pulse.entered)
      if (one) return one
    }
    return undefined
  }

  /**
   * Is the main thread stuck, which has given no sign for so long? While it is not known which command computes, it may be any of
   * them, so all must have overrun their limits.
   */
  stuck(silentMs: number): Stuck | undefined {
    const { entered } = this
    let last: Held | undefined
    let limit = -Infinity
    for (const one of entered ? [entered] : this.#allBegun()) {
      const end = (one.begunAt ?? this.#now) + one.timeoutMs
      if (end > limit) [last, limit] = [one, end]
    }
    if (!last) limit = this.#now - silentMs + this.#longest
    const overMs = this.#now - limit
    if (overMs <= GRACE) return undefined
    return { name: last?.name, overMs: Math.round(overMs), mustEnd: overMs > GRACE + STUCK }
  }

  /** Ends the process, which is stuck. */
  end(group: string, stuck: Stuck): void {
    if (this.#isEnding) return
    this.#isEnding = true
    import('./end-stuck.ts')
      .then(({ endStuck }) => endStuck(group, stuck))
      .catch(() => process.kill(process.pid, 'SIGKILL'))
  }

  *#allBegun(): Generator<Held> {
    for (const { held } of this.#connections) yield* held.allBegun()
  }

  get #longest(): number {
    return Math.max(0, ...[...this.#connections].flatMap(({ limits }) => Object.values(limits)))
  }
}
