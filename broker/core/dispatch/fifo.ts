/** Items shifted before the rest is moved to the front. */
const SHIFTED = 1_024

/** A queue whose `push` and `shift` take constant time on average; an array's `shift` moves all items behind the first. */
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
    if (this.#first === this.#items.length || (this.#first >= SHIFTED && this.#first * 2 > this.#items.length)) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }
}
