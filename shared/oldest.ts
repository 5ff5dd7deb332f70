/**
 * The oldest entry of a Map that is used as a queue. `map.keys().next()` passes over all that was deleted before the first key:
 * hundreds of µs once a million were. This goes on where it was. A key counts as new when it was deleted and added again with
 * another value.
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
