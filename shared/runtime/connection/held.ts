import { GRACE } from '../../wire/member.ts'
import { hasBegun, takeBack } from './claim.ts'

/** A delivery that this process holds. */
export interface Held {
  readonly n: number
  readonly command: string
  readonly attempt: number
  readonly timeoutMs: number
  readonly claims: Int32Array
  readonly i: number
  /** When it was first seen to have begun. */
  begunAt?: number
}

/** What one connection has brought and what has not ended. */
export class Holdings {
  readonly #held = new Map<number, Held>()

  add(one: Held): void {
    this.#held.set(one.n, one)
  }

  get(n: number): Held | undefined {
    return this.#held.get(n)
  }

  delete(n: number): boolean {
    return this.#held.delete(n)
  }

  /** Takes back all that has not begun, and returns it. */
  takeBackWaiting(): Held[] {
    const back = [...this.#held.values()].filter(({ claims, i }) => takeBack(claims, i))
    for (const { n } of back) this.#held.delete(n)
    return back
  }

  /** Lets go of everything, begun or not, and returns it. */
  letGo(): Held[] {
    const all = [...this.#held.values()]
    this.takeBackWaiting()
    this.#held.clear()
    return all
  }

  /**
   * What has overrun its limit while the main thread stands still. `entered` is the one in whose beginning it does, and then no
   * other's fault; 0 when that is not known.
   */
  overrun(now: number, entered: number): Held[] {
    const culprit = this.#held.get(entered)
    const over: Held[] = []
    for (const one of this.#held.values()) {
      if (!hasBegun(one.claims, one.i)) continue
      one.begunAt ??= now
      if ((!culprit || one === culprit) && now - one.begunAt > one.timeoutMs + GRACE) over.push(one)
    }
    return over
  }

  /** Notes when each has begun. */
  look(now: number): void {
    for (const one of this.#held.values())
      if (one.begunAt === undefined && hasBegun(one.claims, one.i)) one.begunAt = now
  }
}
