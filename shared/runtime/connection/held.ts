import { GRACE } from '../../wire/member.ts'
import { hasBegun, takeBack } from './claim.ts'

/** A delivery that this process holds. */
export interface Held {
  readonly n: number
  /** The command's name. */
  readonly name: string
  /** The command's id. */
  readonly command: string
  readonly attempt: number
  readonly timeoutMs: number
  readonly claims: Int32Array
  readonly i: number
  /** When the connection thread first saw that it had begun. */
  begunAt?: number
}

/** The deliveries of one connection that have not ended. */
export class Holdings {
  readonly #held = new Map<number, Held>()
  /** Deliveries no longer held, which the main thread has begun and not ended. */
  readonly #abandoned = new Map<number, Held>()

  add(one: Held): void {
    this.#held.set(one.n, one)
  }

  get(n: number): Held | undefined {
    return this.#held.get(n)
  }

  /** The main thread has ended it, or skipped it. Returns whether it was still held. */
  delete(n: number): boolean {
    this.#abandoned.delete(n)
    return this.#held.delete(n)
  }

  /** Stops holding a delivery, though the main thread may go on with it. */
  abandon(one: Held): void {
    if (this.#held.delete(one.n) && hasBegun(one.claims, one.i)) this.#abandoned.set(one.n, one)
  }

  /** The delivery, if the main thread has begun and not ended it, held or not. */
  begun(n: number): Held | undefined {
    const one = this.#held.get(n) ?? this.#abandoned.get(n)
    return one && hasBegun(one.claims, one.i) ? one : undefined
  }

  /** All deliveries that the main thread has begun and not ended, held or not. */
  *allBegun(): Generator<Held> {
    for (const one of this.#held.values()) if (hasBegun(one.claims, one.i)) yield one
    yield* this.#abandoned.values()
  }

  /**
   * Takes back and returns the deliveries that have not begun. The last goes first: the main thread begins deliveries meanwhile, and
   * must not find one taken back and the next of its lane still there, which would then overtake it.
   */
  takeBackWaiting(): Held[] {
    const back: Held[] = []
    for (const one of Array.from(this.#held.values()).toReversed()) if (takeBack(one.claims, one.i)) back.push(one)
    for (const { n } of back) this.#held.delete(n)
    return back.toReversed()
  }

  /** Stops holding everything, begun or not, and returns it. */
  letGo(): Held[] {
    const all = [...this.#held.values()]
    this.takeBackWaiting()
    for (const one of this.#held.values()) this.abandon(one)
    return all
  }

  /**
   * The deliveries that have overrun their limits while the main thread is blocked. `entered` is the one in whose synchronous
   * beginning it is blocked, if known: then no other is at fault.
   */
  overrun(now: number, entered: Held | undefined): Held[] {
    return [...this.#held.values()].filter((one) => {
      if (!hasBegun(one.claims, one.i) || (entered && one !== entered)) return false
      return now - (one.begunAt ?? now) > one.timeoutMs + GRACE
    })
  }

  /** Records when each delivery has begun. */
  look(now: number): void {
    for (const one of this.allBegun()) one.begunAt ??= now
  }
}
