import { GRACE } from '../../wire/member.ts'
import { hasBegun, takeBack } from './claim.ts'

/** A delivery that this process holds. */
export interface Held {
  readonly n: number
  /** Of its command. */
  readonly name: string
  /** The command's id. */
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
  /** What is held no more, but the main thread has begun it and has not said how it ended. */
  readonly #abandoned = new Map<number, Held>()

  add(one: Held): void {
    this.#held.set(one.n, one)
  }

  get(n: number): Held | undefined {
    return this.#held.get(n)
  }

  /** The main thread has ended it, or left it. */
  delete(n: number): boolean {
    this.#abandoned.delete(n)
    return this.#held.delete(n)
  }

  /** It is held no more, though the main thread may go on with it. */
  abandon(one: Held): void {
    if (this.#held.delete(one.n) && hasBegun(one.claims, one.i)) this.#abandoned.set(one.n, one)
  }

  /** That delivery, when the main thread has begun and not ended it, held or not. */
  begun(n: number): Held | undefined {
    const one = this.#held.get(n) ?? this.#abandoned.get(n)
    return one && hasBegun(one.claims, one.i) ? one : undefined
  }

  /** All that the main thread has begun and not ended, held or not. */
  *allBegun(): Generator<Held> {
    for (const one of this.#held.values()) if (hasBegun(one.claims, one.i)) yield one
    yield* this.#abandoned.values()
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
    for (const one of this.#held.values()) this.abandon(one)
    return all
  }

  /**
   * What has overrun its limit while the main thread stands still. `entered` is the one in whose beginning it does, and then no
   * other's fault; undefined when that is not known.
   */
  overrun(now: number, entered: Held | undefined): Held[] {
    return [...this.#held.values()].filter((one) => {
      if (!hasBegun(one.claims, one.i) || (entered && one !== entered)) return false
      return now - (one.begunAt ?? now) > one.timeoutMs + GRACE
    })
  }

  /** Notes when each has begun. */
  look(now: number): void {
    for (const one of this.allBegun()) one.begunAt ??= now
  }
}
