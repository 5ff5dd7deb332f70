import type { Job, Member } from './job.ts'

const NONE: readonly Job[] = []

/**
 * The ordered jobs of one user in one group. The first of them are in flight, all with one member, which works them one after
 * another; the rest waits. When one must be tried again, it and all behind it are taken back, so that none overtakes it.
 */
export class Lane {
  #inFlight: Job[] | undefined = undefined
  /** Those that wait, each with the one `behind` it. */
  #head: Job | undefined = undefined
  #tail: Job | undefined = undefined
  /**
   * Grows when jobs are taken back. Each delivery bears it: a member that has failed a job leaves what still comes of that
   * time, until the broker has heard of the failure. No two lanes of a group share one, so that a user's next lane is not left too.
   */
  time: number
  readonly #nextTime: () => number

  constructor(nextTime: () => number) {
    this.#nextTime = nextTime
    this.time = nextTime()
  }

  /** In flight, the head first. */
  get inFlight(): readonly Job[] {
    return this.#inFlight ?? NONE
  }

  /** Who has it in flight. */
  get member(): Member | undefined {
    return this.inFlight[0]?.member
  }

  /** The first that is not in flight. */
  get next(): Job | undefined {
    while (this.#head?.state === 'over') this.#shift()
    return this.#head
  }

  get isEmpty(): boolean {
    return this.inFlight.length === 0 && this.next === undefined
  }

  push(job: Job): void {
    if (this.#tail) this.#tail = this.#tail.behind = job
    else this.#head = this.#tail = job
  }

  /** `next` goes into flight. */
  send(): void {
    ;(this.#inFlight ??= []).push(this.#shift()!)
  }

  /** A job in flight has ended. */
  end(job: Job): void {
    const at = this.inFlight.indexOf(job)
    if (at >= 0) this.#inFlight!.splice(at, 1)
  }

  /**
   * Takes back a job in flight, and all behind it but those whose end is being stored. Returns them, the first one first. They
   * wait in the order in which they were sent, also behind what was taken back before them. When none has failed, and something
   * before them stays in flight, the time goes on: a failure of that holds them back, too.
   */
  takeBack(job: Job, hasFailed = true): Job[] {
    const from = this.inFlight.indexOf(job)
    if (from < 0) return []
    if (hasFailed || from === 0) this.time = this.#nextTime()
    const behind = this.#inFlight!.splice(from)
    const back = behind.filter(({ ending }) => !ending)
    this.#inFlight!.push(...behind.filter(({ ending }) => ending))
    for (const one of back.toReversed()) this.#insert(one)
    return back
  }

  #shift(): Job | undefined {
    const job = this.#head
    this.#head = job?.behind
    if (!this.#head) this.#tail = undefined
    if (job) job.behind = undefined
    return job
  }

  /** Before all that wait, but for those sent before it. */
  #insert(job: Job): void {
    let before: Job | undefined
    for (let next = this.#head; next && next.order < job.order; next = next.behind) before = next
    job.behind = before ? before.behind : this.#head
    if (before) before.behind = job
    else this.#head = job
    if (!job.behind) this.#tail = job
  }
}
