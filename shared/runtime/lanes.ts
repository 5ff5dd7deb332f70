interface Waiting {
  time: number
  work: () => Promise<void>
  done: () => void
}

/**
 * Works each user's deliveries one after another in the order in which they came, and different users' at the same time. When
 * one fails, what the broker had sent behind it is left undone: the broker sends it again, after the one that failed.
 */
export class Lanes {
  readonly #lanes = new Map<string, Waiting[]>()
  /** User to the lane time up to which deliveries are left, until the broker has heard why. */
  readonly #left = new Map<string, number>()

  /** Resolves when the delivery was worked, or left. */
  run(user: string, time: number, work: () => Promise<void>): Promise<void> {
    if (time <= (this.#left.get(user) ?? 0)) return Promise.resolve()
    return new Promise((done) => {
      const lane = this.#lanes.get(user)
      if (lane) return void lane.push({ time, work, done })
      const opened = [{ time, work, done }]
      this.#lanes.set(user, opened)
      void this.#go(user, opened)
    })
  }

  /** A user's delivery of this time has failed: leaves what came behind it, and what still comes. */
  leave(user: string, time: number): void {
    this.#left.set(user, time)
    const lane = this.#lanes.get(user) ?? []
    const stale = lane.filter((one, i) => i > 0 && one.time <= time)
    for (const one of stale) {
      lane.splice(lane.indexOf(one), 1)
      one.done()
    }
  }

  /** The broker has heard of the failure: nothing of that time can come any more. */
  heard(user: string, time: number): void {
    if (this.#left.get(user) === time) this.#left.delete(user)
  }

  /** The connection is lost, and with it all that has not begun. */
  leaveAll(): void {
    for (const lane of this.#lanes.values()) for (const one of lane.splice(1)) one.done()
    this.#left.clear()
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
