import type { Held } from '../kept/box.ts'
import { ByAge } from '../kept/by-age.ts'

/** Free slots that stay in the arrays before they are compacted. */
const MOVED_AT = 64

export interface LinePorts {
  /** Called for each event that the line lets go. */
  letGo(held: Held): void
  /** Called for each number that was left out. */
  leftOut(number: number): void
}

/** The numbers of one user's events, and the event of each. */
export class Line {
  /** The last number given to an event, stored or not yet. */
  given: number
  /** The last number whose event is stored. */
  last: number
  /** Events with lower numbers are forgotten. */
  first: number
  /** How many events it holds. */
  count = 0
  /** Numbers in order; at the same index their events, undefined when left out. */
  #numbers: number[] = []
  #helds: (Held | undefined)[] = []
  /** The index of `first`, or of the number that follows it. */
  #head = 0
  #strangers: ByAge<Held> | undefined
  readonly #ports: LinePorts

  /** @param last the number after which the line continues */
  constructor(last: number, ports: LinePorts) {
    this.given = this.last = last
    this.first = last + 1
    this.#ports = ports
  }

  /** Adds a stored event. Numbers that were skipped are holes. */
  append(number: number, held: Held): void {
    held.number = number
    this.last = number
    this.count++
    this.#numbers.push(number)
    this.#helds.push(held)
    if (held.isFromStranger) (this.#strangers ??= new ByAge(({ number: its }) => its === 0)).add(held)
  }

  /** The events after a number, in order. */
  *after(since: number): Generator<[number, Held]> {
    for (let i = this.#indexAfter(since); i < this.#numbers.length; i++) {
      const held = this.#helds[i]
      if (held) yield [this.#numbers[i]!, held]
    }
  }

  /** Makes room: the oldest event of a stranger is left out, or else the oldest is forgotten. */
  shift(): void {
    const stranger = this.#strangers?.oldest
    if (stranger) return this.leaveOut(stranger)
    while (this.#head < this.#numbers.length && !this.#helds[this.#head]) this.#head++
    if (this.#head < this.#numbers.length) this.forget(this.#numbers[this.#head]!)
  }

  /** Leaves an event out, as if this user had never got it. */
  leaveOut(held: Held): void {
    const { number } = held
    this.#helds[this.#indexAfter(number - 1)] = undefined
    this.#ports.leftOut(number)
    this.#over(held)
    this.#tidy()
  }

  /** Forgets all events up to this number: a client that knows only older ones cannot recover. */
  forget(upTo: number): void {
    if (upTo < this.first) return
    this.first = upTo + 1
    while (this.#head < this.#numbers.length && this.#numbers[this.#head]! <= upTo) {
      const held = this.#helds[this.#head]
      this.#helds[this.#head++] = undefined
      if (held) this.#over(held)
    }
    this.#tidy()
  }

  #over(held: Held): void {
    this.count--
    held.number = 0
    if (held.isFromStranger) this.#strangers!.ended()
    this.#ports.letGo(held)
  }

  #tidy(): void {
    if (this.#numbers.length <= 2 * this.count + MOVED_AT) return
    const live = (_: unknown, i: number): boolean => this.#helds[i] !== undefined
    this.#numbers = this.#numbers.filter(live)
    this.#helds = this.#helds.filter((held) => held !== undefined)
    this.#head = 0
  }

  #indexAfter(since: number): number {
    let [low, high] = [this.#head, this.#numbers.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#numbers[middle]! <= since) low = middle + 1
      else high = middle
    }
    return low
  }
}
