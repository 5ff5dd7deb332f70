/** Levels per doubling of the bytes. */
const FINENESS = 8

/** Finds an item that holds the most bytes, within a tenth, in constant time. */
export class Levels<Item extends { level: number }> {
  /** Items that hold about the same. */
  readonly #levels: (Set<Item> | undefined)[] = []

  get fullest(): Item | undefined {
    for (let level = this.#levels.length - 1; level > 0; level--) {
      for (const item of this.#levels[level] ?? []) return item
    }
    return undefined
  }

  /** Updates the level of an item. Returns true when it holds nothing. */
  settle(item: Item, bytes: number): boolean {
    const level = bytes > 0 ? 1 + Math.floor(Math.log2(bytes) * FINENESS) : 0
    if (level === item.level) return level === 0
    this.#levels[item.level]?.delete(item)
    item.level = level
    if (level > 0) (this.#levels[level] ??= new Set()).add(item)
    return level === 0
  }
}
