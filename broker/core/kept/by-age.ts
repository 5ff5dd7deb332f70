/** Ended items that stay in the array before it is compacted. */
const LEFT = 64

/**
 * Items in the order in which they came, any of which may end. Finds the oldest that has not ended in constant time on average, and
 * takes one array slot per item.
 */
export class ByAge<Item> {
  #items: Item[] = []
  #head = 0
  #count = 0
  readonly #hasEnded: (item: Item) => boolean

  constructor(hasEnded: (item: Item) => boolean) {
    this.#hasEnded = hasEnded
  }

  /** How many have not ended. */
  get count(): number {
    return this.#count
  }

  get oldest(): Item | undefined {
    while (this.#head < this.#items.length) {
      const item = this.#items[this.#head]!
      if (!this.#hasEnded(item)) return item
      this.#head++
    }
    return undefined
  }

  add(item: Item): void {
    this.#items.push(item)
    this.#count++
  }

  /** One of them has ended. */
  ended(): void {
    this.#count--
    if (this.#items.length <= 2 * this.#count + LEFT) return
    this.#items = this.#items.slice(this.#head).filter((item) => !this.#hasEnded(item))
    this.#head = 0
  }
}
