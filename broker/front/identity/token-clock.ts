/** Milliseconds by which the machine's clock may jump without our following it at once. */
const MAX_JUMP = 2 * 3_600_000
/** Milliseconds after which a jump counts as the right time. */
const BELIEVED_AFTER = 3_600_000
/** Milliseconds that are no jump: clocks drift, and timers are late. */
const DRIFT = 1_000

/** The machine's clock, which may be set, and one that only ever runs on; both in milliseconds. */
export interface Clocks {
  wall(): number
  steady(): number
}
const MACHINE: Clocks = { wall: () => Date.now(), steady: () => performance.now() }

/**
 * The time by which tokens begin and end. Somebody who sets the machine's clock an hour forward or back by mistake must not log
 * everybody out, so the time runs on steadily across a jump, and follows it after an hour. It follows a larger jump at once: the
 * machine has slept, or its clock was wrong when it started.
 */
export class TokenClock {
  readonly #clocks: Clocks
  #ahead: number
  #jumpedAt: number | undefined

  constructor(clocks = MACHINE) {
    this.#clocks = clocks
    this.#ahead = clocks.wall() - clocks.steady()
  }

  /** Milliseconds since 1970: what has ended by this time has ended. */
  now(): number {
    const { wall, steady } = { wall: this.#clocks.wall(), steady: this.#clocks.steady() }
    const jump = Math.abs(wall - steady - this.#ahead)
    if (jump > DRIFT) this.#jumpedAt ??= steady
    else this.#jumpedAt = undefined
    const isBelieved = this.#jumpedAt !== undefined && steady - this.#jumpedAt >= BELIEVED_AFTER
    if (jump <= DRIFT || jump > MAX_JUMP || isBelieved) {
      this.#ahead = wall - steady
      this.#jumpedAt = undefined
    }
    return steady + this.#ahead
  }

  /** The later of this time and the machine's: what has not begun by then has not begun. */
  latest(): number {
    return Math.max(this.now(), this.#clocks.wall())
  }
}
