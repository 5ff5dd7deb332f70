/**
 * The broker's time, since a phone's own clock may be wrong, or set while the app runs. Each catching up tells it anew; between two it
 * goes on by a clock that nobody sets. That one may stand while the machine sleeps: then times are too early, never too late.
 */
export class ServerClock {
  #ahead: number | undefined

  /** @param at as an event tells it */
  set(at: string): void {
    const time = Date.parse(at)
    if (Number.isFinite(time)) this.#ahead = time - performance.now()
  }

  /** Milliseconds since 1970. @throws {Error} before the first event of the broker */
  get now(): number {
    if (this.#ahead === undefined) throw new Error('the time of the broker is not known yet')
    return performance.now() + this.#ahead
  }
}
