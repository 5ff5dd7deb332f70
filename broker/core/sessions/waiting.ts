import { RELEASED } from '../kept/kept-record.ts'

/** An entry: a message's number times this, plus its form. It is negative once the message has gone. */
const FORMS = 2 * RELEASED
/** Entries of messages that have gone which stay before the entries are compacted. */
const LEFT = 64

/**
 * The messages that wait for a session, by number, in order. A million of them may wait in all, so each is one number that holds the
 * message's number and form.
 */
export class Waiting {
  #entries: number[] = []
  /** Where the first entry is, if it has not gone. */
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The number of the oldest message. */
  get first(): number | undefined {
    while (this.#head < this.#entries.length && this.#entries[this.#head]! < 0) this.#head++
    const entry = this.#entries[this.#head]
    return entry === undefined ? undefined : numberIn(entry)
  }

  /** Adds a message, or sets the form of one that waits. */
  set(number: number, form: number): void {
    const entry = number * FORMS + form
    const entries = this.#entries
    const last = entries.at(-1)
    if (last === undefined || numberIn(last) < number) {
      entries.push(entry)
      this.#size++
      return
    }
    const at = this.#place(number)
    if (numberIn(entries[at]!) !== number) entries.splice(at, 0, entry)
    else if (entries[at]! > 0) {
      entries[at] = entry
      return
    } else entries[at] = entry
    this.#head = Math.min(this.#head, at)
    this.#size++
  }

  has(number: number): boolean {
    return this.form(number) !== undefined
  }

  /** The form of a message that waits. */
  form(number: number): number | undefined {
    const entry = this.#entries[this.#place(number)]
    return entry !== undefined && entry > 0 && numberIn(entry) === number ? entry % FORMS : undefined
  }

  delete(number: number): void {
    const at = this.#place(number)
    const entry = this.#entries[at]
    if (entry === undefined || entry < 0 || numberIn(entry) !== number) return
    this.#entries[at] = -entry
    this.#size--
    if (this.#size === 0) return this.clear()
    if (this.#entries.length > 2 * this.#size + LEFT) {
      this.#entries = this.#entries.filter((one) => one > 0)
      this.#head = 0
    }
  }

  /** The number of the first message after this number. */
  after(number: number): number | undefined {
    const entries = this.#entries
    for (let at = this.#place(number + 1); at < entries.length; at++) {
      if (entries[at]! > 0) return numberIn(entries[at]!)
    }
    return undefined
  }

  /** All numbers, as they are now. */
  get numbers(): number[] {
    return this.#entries.filter((entry) => entry > 0).map(numberIn)
  }

  clear(): void {
    this.#entries = []
    this.#head = this.#size = 0
  }

  /** The index of the first entry with this number or a greater one. */
  #place(number: number): number {
    const entries = this.#entries
    const first = entries[this.#head]
    if (first !== undefined && numberIn(first) === number) return this.#head
    let [low, high] = [0, entries.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (numberIn(entries[middle]!) < number) low = middle + 1
      else high = middle
    }
    return low
  }
}

function numberIn(entry: number): number {
  return Math.floor(Math.abs(entry) / FORMS)
}
