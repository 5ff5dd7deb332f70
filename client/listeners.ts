type Listener = (...values: never[]) => unknown

/** Above the first, what waits for the listeners is full; at the second there is room again. */
const [FULL, ROOM] = [500, 250]

/** Listeners by name. What is passed reaches them in order: the next when all listeners of the last are done. */
export class Listeners {
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #queue: { names: readonly string[]; value: unknown; passed: (() => void) | undefined }[] = []
  readonly #failed: (err: unknown) => void
  readonly #wantRoom = new Set<() => void>()
  #isPassing = false
  #waiting = 0

  /** @param failed is told what a listener threw; the others hear the event all the same */
  constructor(failed: (err: unknown) => void) {
    this.#failed = failed
  }

  add(name: string, listener: Listener): () => void {
    const all = this.#listeners.get(name) ?? new Set()
    const own: Listener = (...values) => listener(...values) // so that the same listener can be added twice
    this.#listeners.set(name, all.add(own))
    return () => void all.delete(own)
  }

  has(name: string): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  /** So much waits for the listeners that no more should be passed. */
  get isFull(): boolean {
    return this.#waiting >= FULL
  }

  /** Resolves when the listeners have caught up so far that more may be passed; at once while it is not full. */
  async room(): Promise<void> {
    if (this.isFull) await new Promise<void>((resolve) => this.#wantRoom.add(resolve))
  }

  /** @param passed is called when all listeners are done */
  pass(names: readonly string[], value: unknown, passed?: () => void): void {
    this.#waiting++
    this.#queue.push({ names, value, passed })
    if (!this.#isPassing) void this.#passAll()
  }

  /** Passes at once, whatever waits. */
  passNow(name: string, ...values: unknown[]): void {
    for (const listener of this.#of(name)) {
      try {
        const done = listener(...(values as never[]))
        if (done instanceof Promise) done.catch(this.#failed)
      } catch (err) {
        this.#failed(err)
      }
    }
  }

  async #passAll(): Promise<void> {
    this.#isPassing = true
    for (let at = 0; at < this.#queue.length; at++) {
      const { names, value, passed } = this.#queue[at]!
      for (const listener of names.flatMap((name) => this.#of(name))) {
        try {
          const done = listener(value as never)
          if (done instanceof Promise) await done
        } catch (err) {
          this.#failed(err)
        }
      }
      passed?.()
      if (--this.#waiting <= ROOM) this.#giveRoom()
      if (at < 1_000) continue
      this.#queue.splice(0, at + 1)
      at = -1
    }
    this.#queue.length = 0
    this.#isPassing = false
  }

  #giveRoom(): void {
    for (const resolve of this.#wantRoom) resolve()
    this.#wantRoom.clear()
  }

  #of(name: string): Listener[] {
    return [...(this.#listeners.get(name) ?? [])]
  }
}
