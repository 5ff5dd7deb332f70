import type { Changes, Store } from './store.ts'

/** Writes to a store: changes that come while a batch is being written make the next batch, in order. */
export class Writer {
  readonly #store: Store
  readonly #failed: (err: unknown) => void
  #next: { changes: Map<string, string | undefined>; written: Promise<void> } | undefined
  #writing: Promise<void> = Promise.resolve()

  /** @param failed is told when a batch could not be written; its removals are tried again with the next one */
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
    while (this.#next) await this.#next.written.catch(() => {})
    await this.#writing.catch(() => {})
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

  async #write(changes: Changes): Promise<void> {
    this.#next = undefined
    this.#writing = this.#store.write(changes)
    try {
      await this.#writing
    } catch (err) {
      this.#failed(err)
      for (const [key, value] of changes) {
        if (value === undefined && !this.#waits(key)) this.note(key, undefined)
      }
      throw err
    }
  }

  #waits(key: string): boolean {
    return (this.#next as { changes: Changes } | undefined)?.changes.has(key) ?? false
  }
}
