import { Oldest } from '../../../shared/oldest.ts'

/** An address at which nobody has logged in for so long, in milliseconds, is a stranger's again. */
const KNOWN_FOR = 24 * 3_600_000
/** Addresses that are remembered, at most. */
const MOST = 10_000

/** The addresses from which somebody has logged in lately, the one that is longest ago first. */
export class KnownAddresses {
  readonly #seen = new Map<string, number>()
  readonly #oldest = new Oldest(this.#seen)

  add(network: string): void {
    this.#seen.delete(network)
    this.#seen.set(network, performance.now())
    if (this.#seen.size > MOST) this.#seen.delete(this.#oldest.entry![0])
  }

  has(network: string): boolean {
    const at = this.#seen.get(network)
    if (at === undefined) return false
    if (performance.now() - at <= KNOWN_FOR) return true
    this.#seen.delete(network)
    return false
  }
}
