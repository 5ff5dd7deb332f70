/** Dead items that are left in place before the others are moved together. */
const LEFT = 64

/**
 * Items in the order in which they came, any of which may end: the oldest that has not, in constant time on average, at one array
 * slot an item.
 */
export class ByAge<Item> {
  #items: Item[] = []
  #head = 0
  #count = 0
  readonly #hasEnded: (item: Item) => boolean

  constructor(hasEnded: (item: Item) => boolean) {
    this.#hasEnded = hasEnded
  }

  /** Those that have not ended. */
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
