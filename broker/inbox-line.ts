/** The numbers of one user's events, and where each is kept. */
export class Line {
  /** The last number given away: of an event that is stored, or about to be. */
  given: number
  /** What bears a number below this is forgotten. */
  first: number
  /** The key of each event from `first` on; 0 when it could not be stored. */
  readonly #keys: number[] = []

  /** @param last the number after which it goes on */
  constructor(last: number) {
    this.given = last
    this.first = last + 1
  }

  get length(): number {
    return this.#keys.length
  }

  /** The last number whose event is stored. */
  get last(): number {
    return this.first + this.#keys.length - 1
  }

  keyOf(number: number): number {
    return this.#keys[number - this.first] ?? 0
  }

  /** An event is stored; numbers that were passed over are holes. */
  append(number: number, key: number): void {
    while (this.last + 1 < number) this.#keys.push(0)
    this.#keys.push(key)
  }

  /** An event that was stored before a restart. A gap may be of what was removed, so what is before it counts as forgotten. */
  recover(number: number, key: number): void {
    if (number <= this.given) return
    if (number !== this.given + 1) this.forget(number - 1)
    this.given = number
    this.#keys.push(key)
  }

  /** Returns the key of its first event, which it has no more. */
  shift(): number {
    this.first++
    return this.#keys.shift() ?? 0
  }

  forget(upTo: number): void {
    if (upTo < this.first) return
    this.#keys.splice(0, upTo - this.first + 1)
    this.first = upTo + 1
  }
}
