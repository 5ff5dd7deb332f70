import { GRACE } from '../../wire/member.ts'
import type { Held, Holdings } from './held.ts'
import { STOOD_STILL, type Pulse } from './pulse.ts'

/** Milliseconds between telling the broker that the main thread is stuck, and ending the process. */
const STUCK = 3_000

interface Connection {
  readonly held: Holdings
  readonly pulse: Pulse
  /** Command name to its time limit, in milliseconds per attempt. */
  readonly limits: Readonly<Record<string, number>>
}

/** The main thread does not answer, and has computed past the limits of everything that it runs. */
export interface Stuck {
  /** The command that overran its limit; undefined when none is running: then a command whose attempt has ended computes on. */
  readonly name: string | undefined
  /** Milliseconds past that limit, or past the longest limit of all commands. */
  readonly overMs: number
  /** It has been stuck for too long: the process must end. */
  readonly mustEnd: boolean
}

/**
 * What the main thread of this process runs, over all connections: a handler that computes blocks every group that the process
 * serves, and a lost connection stops no handler.
 */
export class Running {
  readonly #connections = new Set<Connection>()
  #now = 0
  #looked = performance.now()
  #isEnding = false

  /** Milliseconds on a clock that stops while the whole process is suspended. */
  get now(): number {
    return this.#now
  }

  /** Adds a connection; returns what removes it. */
  add(connection: Connection): () => void {
    this.#connections.add(connection)
    return () => void this.#connections.delete(connection)
  }

  /** To be called at every tick of any connection. */
  look(): void {
    const at = performance.now()
    this.#now += Math.min(at - this.#looked, STOOD_STILL)
    this.#looked = at
    for (const { held } of this.#connections) held.look(this.#now)
  }

  /** The delivery whose synchronous beginning the main thread is in, if any: then no other is at fault when it computes. */
  get entered(): Held | undefined {
    for (const { held, pulse } of this.#connections) {
      const one = held.begun(pulse.entered)
      if (one) return one
    }
    return undefined
  }

  /**
   * Whether the main thread is stuck, after `silentMs` without a beat. While it is not known which command computes, it may be any
   * of them, so all must have overrun their limits.
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

  /** Ends the stuck process. */
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
