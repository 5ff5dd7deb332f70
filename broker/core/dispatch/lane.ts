import { Fifo } from './fifo.ts'
import type { Job, Member } from './job.ts'

/**
 * The ordered jobs of one user in one group. The first of them are in flight, all with one member, which works them one after
 * another; the rest waits. When one must be tried again, it and all behind it are taken back, so that none overtakes it.
 */
export class Lane {
  /** In flight, the head first. */
  readonly inFlight: Job[] = []
  readonly #waiting = new Fifo<Job>()
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

  /** Who has it in flight. */
  get member(): Member | undefined {
    return this.inFlight[0]?.member
  }

  /** The first that is not in flight. */
  get next(): Job | undefined {
    while (this.#waiting.head?.state === 'over') this.#waiting.shift()
    return this.#waiting.head
  }

  get isEmpty(): boolean {
    return this.inFlight.length === 0 && this.next === undefined
  }

  push(job: Job): void {
    this.#waiting.push(job)
  }

  /** `next` goes into flight. */
  send(): void {
    this.inFlight.push(this.#waiting.shift()!)
  }

  /** A job in flight has ended. */
  end(job: Job): void {
    const at = this.inFlight.indexOf(job)
    if (at >= 0) this.inFlight.splice(at, 1)
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
    const behind = this.inFlight.splice(from)
    const back = behind.filter(({ ending }) => !ending)
    this.inFlight.push(...behind.filter(({ ending }) => ending))
    for (const one of back.toReversed()) this.#waiting.unshift(one, (other) => other.command.order < one.command.order)
    return back
  }
}
