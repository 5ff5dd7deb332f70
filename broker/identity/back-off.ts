import { setTimeout as wait } from 'node:timers/promises'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { Denied } from '../session.ts'

/** Wrong guesses in five minutes that cost nothing: a key that is being changed. */
const FREE = 5
/** Milliseconds before the first guess after those is looked at; doubled with each, up to the longest. */
const FIRST = 100
const LONGEST = 5_000
/** Guesses of one guesser that may wait; more are refused unseen. */
const MAX_WAITING = 10

/** Makes whoever guesses wrongly wait before his next guess is looked at, longer each time; a right one ends that. */
export class BackOff {
  readonly #wrong = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: 300 })
  readonly #waiting = new Map<string, number>()

  /** @throws what `check` does, and {Denied} when too many of this guesser wait already */
  async guess(guesser: string, check: () => void): Promise<void> {
    const wrong = (await this.#wrong.get(guesser))?.consumedPoints ?? 0
    if (wrong >= FREE) await this.#wait(guesser, Math.min(FIRST * 2 ** (wrong - FREE), LONGEST))
    try {
      check()
    } catch (err) {
      await this.#wrong.penalty(guesser)
      throw err
    }
    if (wrong > 0) await this.#wrong.delete(guesser)
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
