import { setTimeout as wait } from 'node:timers/promises'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { Denied } from '../../seam/session.ts'

/** Wrong guesses in five minutes that cost nothing: a key that is being changed. */
const FREE = 5
/** Milliseconds before the first guess after those is refused; doubled with each, up to the longest. */
const FIRST = 100
const LONGEST = 5_000
/** Wrong guesses of one guesser that may wait; more are refused at once. */
const MAX_WAITING = 10

/**
 * Makes whoever guesses wrongly wait for the refusal, longer each time. A right guess is let in at once: it may come from the same
 * address as the wrong ones, through one NAT or proxy. How many guesses are looked at is bounded by CONNECTS_PER_ADDRESS.
 */
export class BackOff {
  readonly #wrong = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: 300 })
  readonly #waiting = new Map<string, number>()

  /** @throws what `check` does, after a while, or {Denied} at once when too many of this guesser wait already */
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
