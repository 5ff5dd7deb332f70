import type { Box } from '../kept/box.ts'
import { ByAge } from '../kept/by-age.ts'

export interface LinePorts {
  /** Called for each event that the line lets go. */
  letGo(box: Box, key: number): void
  /** Called for each number that was left out of this user's line. */
  leftOut(user: string, number: number): void
}

/** The inbox of one user: which of the events in their box it holds. */
export class Line {
  /** The last number given to an event, stored or not yet. */
  given: number
  /** The last number whose event is stored. */
  last: number
  /** Events with lower numbers are forgotten. */
  first: number
  /** How many events it holds. */
  count = 0
  /** The box, while the line holds an event. */
  #box: Box | undefined
  /** Keys of the events that strangers have caused. */
  #strangers: ByAge<number> | undefined
  readonly #ports: LinePorts

  /** @param last the number after which the line continues */
  constructor(last: number, ports: LinePorts) {
    this.given = this.last = last
    this.first = last + 1
    this.#ports = ports
  }

  /** Adds a stored event, the last that the box was given. Numbers that were skipped are holes. */
  append(number: number, box: Box, key: number): void {
    this.#box = box
    box.isNumbered(number)
    this.last = number
    this.count++
    if (!box.isFromStranger(key)) return
    this.#strangers ??= new ByAge((one) => !this.#box?.numberOf(one))
    this.#strangers.add(key)
  }

  /** The events after a number, in order: number and key. */
  after(since: number): Iterable<[number, number]> {
    return this.#box?.numbered(Math.max(since, this.first - 1)) ?? []
  }

  /** Makes room: the oldest event of a stranger is left out, or else the oldest is forgotten. */
  shift(): void {
    const stranger = this.#strangers?.oldest
    if (stranger !== undefined) return this.leaveOut(stranger)
    for (const [number] of this.after(0)) return this.forget(number)
  }

  /** Leaves an event out, as if this user had never got it. */
  leaveOut(key: number): void {
    const box = this.#box!
    this.#ports.leftOut(box.user, box.numberOf(key))
    this.#over(key)
  }

  /** Forgets all events up to this number: a client that knows only older ones cannot recover. */
  forget(upTo: number): void {
    if (upTo < this.first) return
    const keys: number[] = []
    for (const [number, key] of this.after(0)) {
      if (number > upTo) break
      keys.push(key)
    }
    this.first = upTo + 1
    for (const key of keys) this.#over(key)
  }

  #over(key: number): void {
    const box = this.#box!
    this.count--
    box.isUnnumbered(key)
    if (this.#strangers && box.isFromStranger(key)) this.#strangers.ended()
    if (this.count === 0) this.#box = undefined
    this.#ports.letGo(box, key)
  }
}
