/** Places that are free at the front before what is behind them is moved there: few enough, and seldom. */
const MOVED_AT = 64

/** The numbers of one user's events, and where each is kept. */
export class Line {
  /** The last number given away: of an event that is stored, or about to be. */
  given: number
  /** What bears a number below this is forgotten. */
  first: number
  /** From `first` on, the key of each event and the bytes of its record; 0 and 0 when it could not be stored. */
  readonly #events: number[] = []
  /** Where `first` is in that. */
  #head = 0

  /** @param last the number after which it goes on */
  constructor(last: number) {
    this.given = last
    this.first = last + 1
  }

  get length(): number {
    return (this.#events.length - this.#head) / 2
  }

  /** The last number whose event is stored. */
  get last(): number {
    return this.first + this.length - 1
  }

  keyOf(number: number): number {
    return number < this.first ? 0 : (this.#events[this.#head + (number - this.first) * 2] ?? 0)
  }

  /** An event is stored; numbers that were passed over are holes. */
  append(number: number, key: number, bytes: number): void {
    while (this.last + 1 < number) this.#events.push(0, 0)
    this.#events.push(key, bytes)
  }

  /** An event that was stored before a restart. A gap may be of what was removed, so what is before it counts as forgotten. */
  recover(number: number, key: number, bytes: number): void {
    if (number <= this.given) return
    if (number !== this.given + 1) this.forget(number - 1)
    this.given = number
    this.#events.push(key, bytes)
  }

  /** Returns its first event, which it has no more. */
  shift(): { key: number; bytes: number } {
    const [key = 0, bytes = 0] = [this.#events[this.#head], this.#events[this.#head + 1]]
    this.forget(this.first)
    return { key, bytes }
  }

  forget(upTo: number): void {
    if (upTo < this.first) return
    this.#head = Math.min(this.#head + (upTo - this.first + 1) * 2, this.#events.length)
    this.first = upTo + 1
    if (this.#head < MOVED_AT * 2 || this.#head * 2 < this.#events.length) return
    this.#events.copyWithin(0, this.#head)
    this.#events.length -= this.#head
    this.#head = 0
  }
}
