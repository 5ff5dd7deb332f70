/** Milliseconds between two looks at the clock, and the gap that tells that this process stood still. */
const TICK = 250
const STOOD_STILL = 1_000
/** Milliseconds after the last sign of the broker; it gives up a handler after 1.5 times its keepalive. */
export const KEEPALIVE = 5
const SILENCE = KEEPALIVE * 1_200

/**
 * Tells whether what this process holds is still its own. The broker gives it to another when the process was stopped or cut
 * off for long; what has not begun by then must not begin.
 */
export class Lease {
  #heard = performance.now()
  #ticked = performance.now()
  readonly #ask: () => Promise<unknown>
  readonly #timer: NodeJS.Timeout

  /** @param ask resolves when the broker has answered on the same connection, and rejects when that is lost */
  constructor(ask: () => Promise<unknown>) {
    this.#ask = ask
    this.#timer = setInterval(() => this.#tick(), TICK)
    this.#timer.unref()
  }

  /** The broker has answered something. */
  heard(): void {
    this.#heard = performance.now()
  }

  /** Resolves when what is held is known to be so, at once as a rule; rejects when it is lost. */
  async renew(): Promise<void> {
    const now = performance.now()
    if (now - this.#ticked < STOOD_STILL && now - this.#heard < SILENCE) return
    this.#ticked = now
    await this.#ask()
    this.heard()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    if (now - this.#ticked > STOOD_STILL) this.#heard = -Infinity
    this.#ticked = now
  }
}
