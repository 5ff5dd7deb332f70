import { Oldest } from '../../../shared/oldest.ts'

interface Window {
  count: number
  endsAt: number
}

/** Windows looked at for one more that begins, so that those which are over do not pile up. */
const LOOKED_AT = 2

/** Counts by key in windows of fixed length; each begins with its first count. Without a promise or a timer: it is asked at every PUBLISH. */
export class FixedWindow {
  readonly #lengthMs: number
  readonly #now: () => number
  /** In the order of their beginnings. */
  readonly #windows = new Map<string, Window>()
  readonly #oldest = new Oldest(this.#windows)

  constructor(lengthMs: number, now = (): number => performance.now()) {
    this.#lengthMs = lengthMs
    this.#now = now
  }

  /** Keys that are counted now, or were lately. */
  get size(): number {
    return this.#windows.size
  }

  /** Adds to a key's count. Returns what it is now, and in how many milliseconds it begins anew. */
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

  #dropEnded(now: number): void {
    for (let looked = 0; looked < LOOKED_AT; looked++) {
      const [key, { endsAt }] = this.#oldest.entry ?? ['', { endsAt: Infinity }]
      if (endsAt > now) return
      this.#windows.delete(key)
    }
  }
}
