/** Milliseconds: a larger jump of the machine's clock is followed at once. */
const MAX_JUMP = 2 * 3_600_000
/** Milliseconds after which a smaller jump is taken as the right time. */
const BELIEVED_AFTER = 3_600_000
/** Milliseconds: a smaller difference is drift or a late timer, and no jump. */
const DRIFT = 1_000

/** The machine's clock, which may be set, and a monotonic one; both in milliseconds. */
export interface Clocks {
  wall(): number
  steady(): number
}
const MACHINE: Clocks = { wall: () => Date.now(), steady: () => performance.now() }

/**
 * The clock that decides when tokens begin and expire. Setting the machine's clock forward or back by mistake must not log
 * everyone out, so this clock runs on steadily across a jump of up to two hours and follows it after an hour. It follows a larger
 * jump at once: the machine has slept, or its clock was wrong at start.
 */
export class TokenClock {
  readonly #clocks: Clocks
  #ahead: number
  #jumpedAt: number | undefined

  constructor(clocks = MACHINE) {
    this.#clocks = clocks
    this.#ahead = clocks.wall() - clocks.steady()
  }

  /** Milliseconds since 1970: the time by which expiry is judged. */
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

  /** The later of this time and the machine's: the time by which a beginning (`nbf`, `iat`) is judged. */
  latest(): number {
    return Math.max(this.now(), this.#clocks.wall())
  }
}
