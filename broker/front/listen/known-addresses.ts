import { Oldest } from '../../../shared/oldest.ts'

/** Milliseconds after the last login from an address until it is forgotten. */
const KNOWN_FOR = 24 * 3_600_000
/** Most addresses that are remembered; beyond, the one with the oldest login is forgotten. */
const MAX_ADDRESSES = 10_000

/** Addresses with a login in the last day, the oldest login first. */
export class KnownAddresses {
  readonly #seen = new Map<string, number>()
  readonly #oldest = new Oldest(this.#seen)

  add(network: string): void {
    this.#seen.delete(network)
    this.#seen.set(network, performance.now())
    if (this.#seen.size > MAX_ADDRESSES) this.#seen.delete(this.#oldest.entry![0])
  }

  has(network: string): boolean {
    const at = this.#seen.get(network)
    if (at === undefined) return false
    if (performance.now() - at <= KNOWN_FOR) return true
    this.#seen.delete(network)
    return false
  }
}
