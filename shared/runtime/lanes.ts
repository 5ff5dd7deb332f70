interface Waiting {
  generation: number
  work: () => Promise<void>
  done: () => void
}

/**
 * Runs each user's deliveries one after another in the order in which they came, and different users' at the same time. When a
 * delivery fails, those that the broker had already sent after it are skipped: the broker sends them again, after the failed one.
 * A delivery's `generation` is the stamp's `lane`, which grows each time the broker takes back what it had sent.
 */
export class Lanes {
  readonly #lanes = new Map<string, Waiting[]>()
  /** User to the generation up to which deliveries are skipped, until the broker has heard of the failure. */
  readonly #skipped = new Map<string, number>()

  /** Resolves when the delivery has run, or was skipped. */
  run(user: string, generation: number, work: () => Promise<void>): Promise<void> {
    if (generation <= (this.#skipped.get(user) ?? 0)) return Promise.resolve()
    return new Promise((done) => {
      const lane = this.#lanes.get(user)
      if (lane) return void lane.push({ generation, work, done })
      const opened = [{ generation, work, done }]
      this.#lanes.set(user, opened)
      void this.#go(user, opened)
    })
  }

  /** A user's delivery of this generation has failed: skips those after it, and those that are still to come. */
  skip(user: string, generation: number): void {
    this.#skipped.set(user, generation)
    const lane = this.#lanes.get(user) ?? []
    const stale = lane.filter((one, i) => i > 0 && one.generation <= generation)
    for (const one of stale) {
      lane.splice(lane.indexOf(one), 1)
      one.done()
    }
  }

  /** The broker has heard of the failure: nothing of that generation can come any more. */
  heard(user: string, generation: number): void {
    if (this.#skipped.get(user) === generation) this.#skipped.delete(user)
  }

  /** The connection is lost: skips everything that has not begun. */
  skipAll(): void {
    for (const lane of this.#lanes.values()) for (const one of lane.splice(1)) one.done()
    this.#skipped.clear()
  }

  async #go(user: string, lane: Waiting[]): Promise<void> {
    for (let first = lane[0]; first; first = lane[0]) {
      await first.work()
      first.done()
      lane.shift()
    }
    this.#lanes.delete(user)
  }
}
