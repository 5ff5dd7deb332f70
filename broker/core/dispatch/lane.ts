import type { Job, Member } from './job.ts'

const NONE: readonly Job[] = []

/**
 * The ordered jobs of one user in one group. The first of them are in flight, all with one member, which works them one after
 * another; the rest waits. When one must be tried again, it and all behind it are taken back, so that none overtakes it.
 */
export class Lane {
  #inFlight: Job[] | undefined = undefined
  /** The jobs that wait, linked by `behind`. */
  #head: Job | undefined = undefined
  #tail: Job | undefined = undefined
  /**
   * The lane's generation: grows when jobs are taken back. Each delivery carries it. A member that has failed a job ignores
   * further deliveries of that generation until the broker has learnt of the failure. No two lanes of a group share a
   * generation, so that a member does not ignore a user's next lane as well.
   */
  generation: number
  readonly #nextGeneration: () => number

  constructor(nextGeneration: () => number) {
    this.#nextGeneration = nextGeneration
    this.generation = nextGeneration()
  }

  /** In flight, the head first. */
  get inFlight(): readonly Job[] {
    return this.#inFlight ?? NONE
  }

  /** The member that holds the jobs in flight. */
  get member(): Member | undefined {
    return this.inFlight[0]?.member
  }

  /** The first job that is not in flight. */
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

  /** Puts `next` in flight. */
  startNext(): void {
    ;(this.#inFlight ??= []).push(this.#shift()!)
  }

  /** A job in flight has ended. */
  end(job: Job): void {
    const at = this.inFlight.indexOf(job)
    if (at >= 0) this.#inFlight!.splice(at, 1)
  }

  /**
   * Takes back a job in flight, and all behind it except those whose end is being stored. Returns them in order. They wait in
   * the order in which their user sent them, also among jobs that were taken back before. If no job has failed and one before
   * them stays in flight, the generation stays: should that one fail, the member must hold these back too.
   */
  takeBack(job: Job, hasFailed = true): Job[] {
    const from = this.inFlight.indexOf(job)
    if (from < 0) return []
    if (hasFailed || from === 0) this.generation = this.#nextGeneration()
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

  /** Inserts a job in the order in which its user sent it. */
  #insert(job: Job): void {
    let before: Job | undefined
    for (let next = this.#head; next && next.order < job.order; next = next.behind) before = next
    job.behind = before ? before.behind : this.#head
    if (before) before.behind = job
    else this.#head = job
    if (!job.behind) this.#tail = job
  }
}
