import { ByAge } from './by-age.ts'
import { Levels } from './levels.ts'

/** A row: the event's key, its bytes, its number in the inbox, and how often it is held. */
const ROW = 4
const [BYTES, NUMBER, HOLDS] = [1, 2, 3]
/** `HOLDS` counts in steps of 2; its lowest bit says that a stranger has caused the event. */
const [ONCE, STRANGER] = [2, 1]
/** Rows of events that have gone which stay before the rows are compacted. */
const LEFT = 64

/**
 * All events that one user holds: in their inbox, in queues of their sessions, or both. A million of them are in memory, so each is a
 * row of four numbers, in the order of the keys.
 *
 * The number of an event that is not in the inbox, or no longer, is negative: that of the last event before it that was. So the rows
 * are in the order of their numbers too.
 */
export class Box {
  readonly user: string
  bytes = 0
  level = 0
  #rows: number[] = []
  /** Where the first event is, if it has not gone. */
  #head = 0
  #count = 0
  #strangers: ByAge<number> | undefined

  constructor(user: string) {
    this.user = user
  }

  get count(): number {
    return this.#count
  }

  /** The key of the event that is dropped first: the oldest that a stranger has caused, otherwise the oldest. */
  get first(): number | undefined {
    const stranger = this.#strangers?.oldest
    if (stranger !== undefined) return stranger
    while (this.#head < this.#rows.length && this.#rows[this.#head + HOLDS]! < ONCE) this.#head += ROW
    return this.#rows[this.#head]
  }

  /** Adds an event, held once. Its key is greater than all before. */
  add(key: number, bytes: number, isFromStranger: boolean): void {
    const before = this.#rows.length > 0 ? this.#rows[this.#rows.length - ROW + NUMBER]! : 0
    const [number, holds] = [before > 0 ? -before : before, isFromStranger ? ONCE | STRANGER : ONCE]
    // Many users have one event alone, and an array that has grown takes four times as much.
    if (this.#rows.length === 0) this.#rows = [key, bytes, number, holds]
    else this.#rows.push(key, bytes, number, holds)
    this.#count++
    this.bytes += bytes
    if (isFromStranger) (this.#strangers ??= new ByAge((one) => !this.has(one))).add(key)
  }

  has(key: number): boolean {
    return this.#find(key) >= 0
  }

  /** The bytes of an event that count towards its user, without the references to it. */
  bytesOf(key: number): number {
    const at = this.#find(key)
    return at < 0 ? 0 : this.#rows[at + BYTES]!
  }

  isFromStranger(key: number): boolean {
    const at = this.#find(key)
    return at >= 0 && (this.#rows[at + HOLDS]! & STRANGER) !== 0
  }

  /** One more holds an event. */
  hold(key: number): void {
    const at = this.#find(key)
    if (at >= 0) this.#rows[at + HOLDS]! += ONCE
  }

  /** One less holds an event. Returns its bytes when it was the last, and the event has gone. */
  release(key: number): number | undefined {
    const at = this.#find(key)
    if (at < 0) return undefined
    const rows = this.#rows
    rows[at + HOLDS]! -= ONCE
    const left = rows[at + HOLDS]!
    if (left >= ONCE) return undefined
    const bytes = rows[at + BYTES]!
    this.bytes -= bytes
    this.#count--
    if (left & STRANGER) this.#strangers!.ended()
    this.#compact()
    return bytes
  }

  /** The number of an event in the inbox; 0 when it is not there. */
  numberOf(key: number): number {
    const at = this.#find(key)
    return at < 0 ? 0 : Math.max(this.#rows[at + NUMBER]!, 0)
  }

  /** The event that was added last is in the inbox, under this number. */
  isNumbered(number: number): void {
    this.#rows[this.#rows.length - ROW + NUMBER] = number
  }

  /** An event is no longer in the inbox. */
  isUnnumbered(key: number): void {
    const at = this.#find(key)
    if (at >= 0 && this.#rows[at + NUMBER]! > 0) this.#rows[at + NUMBER]! *= -1
  }

  /** The events in the inbox with numbers after this one, in order: number and key. Nothing may change meanwhile. */
  *numbered(after: number): Generator<[number, number]> {
    const rows = this.#rows
    for (let at = this.#after(after); at < rows.length; at += ROW) {
      if (rows[at + NUMBER]! > 0) yield [rows[at + NUMBER]!, rows[at]!]
    }
  }

  /** The row of an event; -1 when it has gone. */
  #find(key: number): number {
    const rows = this.#rows
    const last = rows.length - ROW
    if (last < 0) return -1
    let at = last
    if (rows[last] !== key) {
      at = this.#head
      if (rows[at] !== key) {
        let [low, high] = [this.#head / ROW, rows.length / ROW]
        while (low < high) {
          const middle = (low + high) >>> 1
          if (rows[middle * ROW]! < key) low = middle + 1
          else high = middle
        }
        at = low * ROW
      }
    }
    return rows[at] === key && rows[at + HOLDS]! >= ONCE ? at : -1
  }

  /** The first row with a number after this one. */
  #after(number: number): number {
    let [low, high] = [this.#head / ROW, this.#rows.length / ROW]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Math.abs(this.#rows[middle * ROW + NUMBER]!) <= number) low = middle + 1
      else high = middle
    }
    return low * ROW
  }

  #compact(): void {
    const rows = this.#rows
    if (this.#count > 0 && rows.length <= (2 * this.#count + LEFT) * ROW) return
    let to = 0
    for (let at = this.#head; at < rows.length; at += ROW) {
      if (rows[at + HOLDS]! < ONCE) continue
      for (let i = 0; i < ROW; i++) rows[to + i] = rows[at + i]!
      to += ROW
    }
    this.#rows = rows.slice(0, to)
    this.#head = 0
  }
}

/** The boxes of all users; knows which holds the most. */
export class Boxes {
  readonly #boxes = new Map<string, Box>()
  /** Undefined while a start fills the boxes. */
  #levels: Levels<Box> | undefined

  of(user: string): Box {
    let box = this.#boxes.get(user)
    if (!box) this.#boxes.set(user, (box = new Box(user)))
    return box
  }

  bytesOf(user: string): number {
    return this.#boxes.get(user)?.bytes ?? 0
  }

  /** A box that holds the most, within a tenth. */
  get fullest(): Box | undefined {
    return this.#levels?.fullest
  }

  /** The start is over: finds the level of each box. Returns all boxes. */
  filled(): Box[] {
    this.#levels = new Levels()
    const all = [...this.#boxes.values()]
    for (const box of all) this.settle(box)
    return all
  }

  /** Updates the level of a box whose bytes have changed. */
  settle(box: Box): void {
    const isEmpty = this.#levels?.settle(box, box.bytes)
    if (isEmpty && this.#boxes.get(box.user) === box) this.#boxes.delete(box.user)
  }
}
