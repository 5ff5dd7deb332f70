/** What goes to no more receivers than this is served at once; of what goes to more, so many are served per turn of the event loop. */
export const AT_ONCE = 64
/** The part of each job that is served per turn, at least: the more is left, the faster it goes. */
const PART = 1 / 32

interface Job {
  /** The receivers who are still to be served, with their places in the job's list. */
  readonly waiting: Map<string, number>
  readonly work: Work
}

/** How to serve the receivers of something. */
export interface Work {
  /** Serves the receiver with this place in the list. */
  serve(place: number): void
  /** Some of them were served, and no more for now. */
  served?(): void
  /** All of them were served. */
  ended?(): void
}

/**
 * Serves the many receivers of an event or message over several turns of the event loop, so that nobody else waits for all of them.
 * Each receiver gets everything in order: before they get anything new, or are asked what they have, `settle` gives them what waits.
 */
export class Spread {
  #jobs: Job[] = []
  #isDue = false

  /** Does nobody wait for anything? */
  get isIdle(): boolean {
    return this.#jobs.length === 0
  }

  /** @param to each receiver once */
  over(to: readonly string[], work: Work): void {
    if (to.length > AT_ONCE) {
      this.#jobs.push({ waiting: new Map(to.map((receiver, place) => [receiver, place])), work })
      return this.#serveSoon()
    }
    for (let place = 0; place < to.length; place++) {
      this.settle(to[place]!)
      work.serve(place)
    }
    work.served?.()
    work.ended?.()
  }

  /** Gives a receiver everything that waits for them. */
  settle(receiver: string): void {
    for (const job of this.#jobs) if (giveTo(receiver, job)) job.work.served?.()
  }

  /** Serves everyone who waits. */
  finish(): void {
    while (this.#jobs.length > 0) this.#serveSome()
  }

  #serveSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      this.#serveSome()
      if (this.#jobs.length > 0) this.#serveSoon()
    })
  }

  /** Serves some receivers of each job, oldest job first. */
  #serveSome(): void {
    const jobs = this.#jobs
    const least = Math.ceil(AT_ONCE / jobs.length)
    const served = new Set<Job>()
    for (const { waiting } of jobs) {
      let left = Math.max(least, Math.ceil(waiting.size * PART))
      for (const receiver of waiting.keys()) {
        if (left-- === 0) break
        for (const job of jobs) if (giveTo(receiver, job)) served.add(job)
      }
    }
    for (const job of jobs) if (served.has(job)) job.work.served?.()
    this.#jobs = this.#jobs.filter(({ waiting }) => waiting.size > 0)
    for (const { waiting, work } of jobs) if (waiting.size === 0) work.ended?.()
  }
}

/** Serves a receiver, if they still wait for it. */
function giveTo(receiver: string, { waiting, work }: Job): boolean {
  const place = waiting.get(receiver)
  if (place === undefined) return false
  waiting.delete(receiver)
  work.serve(place)
  return true
}
