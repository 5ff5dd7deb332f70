import { Oldest } from '../../../shared/oldest.ts'

interface Window {
  count: number
  endsAt: number
}

/** Old windows checked for each new one, so that ended windows do not pile up. */
const LOOKED_AT = 2

/** Counts by key in windows of fixed length; each begins with its first count. Uses no promise or timer, since every PUBLISH is counted. */
export class FixedWindow {
  readonly #lengthMs: number
  readonly #now: () => number
  /** Windows by key, in the order in which they began. */
  readonly #windows = new Map<string, Window>()
  readonly #oldest = new Oldest(this.#windows)

  constructor(lengthMs: number, now = (): number => performance.now()) {
    this.#lengthMs = lengthMs
    this.#now = now
  }

  /** How many windows there are, including ended ones that are not dropped yet. */
  get size(): number {
    return this.#windows.size
  }

  /** Adds to a key's count. Returns the new count, and in how many milliseconds its window ends. */
  add(key: string, by: number): { count: number; leftMs: number } {
    const now = this.#now()
    let window = this.#windows.get(key)
    if (!window || window.endsAt <= now) {
      this.#dropEnded(now)
      if (window) this.#windows.delete(key)
      window = { count: 0, endsAt: now + this.#lengthMs }
      this.#windows.set(key, window)
    }
    window.count += by
    return { count: window.count, leftMs: Math.ceil(window.endsAt - now) }
  }

  /** Makes a key's window last so many milliseconds more at least. Returns in how many it ends. */
  extend(key: string, byMs: number): number {
    const [window, now] = [this.#windows.get(key), this.#now()]
    if (!window) return 0
    window.endsAt = Math.max(window.endsAt, now + byMs)
    return Math.ceil(window.endsAt - now)
  }

  #dropEnded(now: number): void {
    for (let looked = 0; looked < LOOKED_AT; looked++) {
      const [key, { endsAt }] = this.#oldest.entry ?? ['', { endsAt: Infinity }]
      if (endsAt > now) return
      this.#windows.delete(key)
    }
  }
}
