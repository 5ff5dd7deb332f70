/**
 * Finds the oldest entry of a Map that is used as a queue. `map.keys().next()` steps over all deleted entries before the first key,
 * which takes hundreds of µs after a million deletions; this continues where it was. A key that was deleted and added again counts
 * as new only when its value is another.
 */
export class Oldest<Key, Value> {
  readonly #map: ReadonlyMap<Key, Value>
  #rest: Iterator<[Key, Value]> | undefined
  #found: [Key, Value] | undefined

  constructor(map: ReadonlyMap<Key, Value>) {
    this.#map = map
  }

  /** Undefined when the Map is empty. */
  get entry(): readonly [Key, Value] | undefined {
    while (!this.#found || this.#map.get(this.#found[0]) !== this.#found[1]) {
      if (this.#map.size === 0) return (this.#found = undefined)
      this.#rest ??= this.#map.entries()
      const { done, value } = this.#rest.next()
      if (done) this.#rest = undefined
      else this.#found = value
    }
    return this.#found
  }
}
