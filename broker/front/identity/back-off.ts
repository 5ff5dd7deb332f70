import { setTimeout as wait } from 'node:timers/promises'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { Denied } from '../../seam/session.ts'

/** Wrong guesses in five minutes that cost no delay: a key may be in rotation. */
const FREE = 5
/** Milliseconds by which the first refusal after those is delayed; doubles with each wrong guess, up to `LONGEST`. */
const FIRST = 100
const LONGEST = 5_000
/** Delayed refusals that one guesser may have at a time; further wrong guesses are refused at once. */
const MAX_WAITING = 10

/**
 * Delays the refusal of wrong guesses, longer each time. A right guess succeeds at once, since it may share an address (a NAT or a
 * proxy) with the wrong ones. CONNECTS_PER_ADDRESS bounds the number of guesses.
 */
export class BackOff {
  readonly #wrong = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: 300 })
  readonly #waiting = new Map<string, number>()

  /** @throws what `check` throws, after the delay; or {Denied} at once when this guesser already has too many refusals waiting */
  async guess(guesser: string, check: () => void): Promise<void> {
    try {
      check()
    } catch (err) {
      const { consumedPoints: wrong } = await this.#wrong.penalty(guesser)
      if (wrong > FREE) await this.#wait(guesser, Math.min(FIRST * 2 ** (wrong - FREE - 1), LONGEST))
      throw err
    }
  }

  async #wait(guesser: string, ms: number): Promise<void> {
    const waiting = this.#waiting.get(guesser) ?? 0
    if (waiting >= MAX_WAITING) throw new Denied('too many wrong guesses', 'too_often')
    this.#waiting.set(guesser, waiting + 1)
    await wait(ms, undefined, { ref: false })
    const left = this.#waiting.get(guesser)! - 1
    if (left > 0) this.#waiting.set(guesser, left)
    else this.#waiting.delete(guesser)
  }
}
