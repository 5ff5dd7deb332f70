import type { Changes, Store } from './store.ts'

/** Milliseconds before removals are tried again that could not be written. */
const AGAIN = 2_000

/** Writes to a store: changes that come while a batch is being written make the next batch, in order. */
export class Writer {
  readonly #store: Store
  readonly #failed: (err: unknown) => void
  #next: { changes: Map<string, string | undefined>; written: Promise<void> } | undefined
  #writing: Promise<void> = Promise.resolve()
  /** Keys that are still to be removed. */
  readonly #owed = new Set<string>()
  #again: ReturnType<typeof setTimeout> | undefined

  /** @param failed is told when a batch could not be written; its removals are tried again with the next one, or a little later */
  constructor(store: Store, failed: (err: unknown) => void) {
    this.#store = store
    this.#failed = failed
  }

  /** Resolves when the change is stored. */
  put(key: string, value: string): Promise<void> {
    return this.#change(key, value)
  }

  /** A change of which nobody needs to know when it is stored. */
  note(key: string, value: string | undefined): void {
    this.#change(key, value).catch(() => {}) // told to `failed`
  }

  /** Resolves when all is stored, or has failed. */
  async settled(): Promise<void> {
    this.#tryAgain()
    while (this.#next) await this.#next.written.catch(() => {})
    await this.#writing.catch(() => {})
    clearTimeout(this.#again)
  }

  #change(key: string, value: string | undefined): Promise<void> {
    if (!this.#next) {
      const changes = new Map<string, string | undefined>()
      const written = this.#writing.catch(() => {}).then(() => this.#write(changes))
      this.#next = { changes, written }
    }
    this.#next.changes.delete(key)
    this.#next.changes.set(key, value)
    return this.#next.written
  }

  async #write(changes: Map<string, string | undefined>): Promise<void> {
    this.#next = undefined
    for (const key of this.#owed) if (!changes.has(key)) changes.set(key, undefined)
    this.#owed.clear()
    this.#writing = this.#store.write(changes)
    try {
      await this.#writing
    } catch (err) {
      this.#failed(err)
      this.#owe(changes)
      throw err
    }
  }

  /** A full disk takes nothing: trying at once would go on and on. */
  #owe(changes: Changes): void {
    for (const [key, value] of changes) if (value === undefined) this.#owed.add(key)
    if (this.#owed.size > 0) this.#again ??= setTimeout(() => this.#tryAgain(), AGAIN)
  }

  #tryAgain(): void {
    clearTimeout(this.#again)
    this.#again = undefined
    const [key] = this.#owed
    if (key !== undefined && !this.#next) this.note(key, undefined)
  }
}
