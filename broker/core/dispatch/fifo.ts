/** Items that were taken before the rest is moved to the front. */
const TAKEN = 1_024

/** First in, first out, both in constant time on average; an array's `shift` moves all that is behind. */
export class Fifo<T> {
  #items: (T | undefined)[]
  #first = 0

  constructor(...items: T[]) {
    this.#items = items
  }

  get head(): T | undefined {
    return this.#items[this.#first]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.#first === this.#items.length) return undefined
    const item = this.#items[this.#first]
    this.#items[this.#first++] = undefined
    if (this.#first === this.#items.length || (this.#first >= TAKEN && this.#first * 2 > this.#items.length)) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }
}
