import type { Job } from './job.ts'

/** A linked list of one group's jobs in the order of their acceptance. */
export class Line {
  #first: Job | undefined
  #last: Job | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The oldest. */
  get first(): Job | undefined {
    return this.#first
  }

  add(job: Job): void {
    job.before = this.#last
    if (this.#last) this.#last.after = job
    else this.#first = job
    this.#last = job
    this.#size++
  }

  remove(job: Job): void {
    const { before, after } = job
    if (before) before.after = after
    else this.#first = after
    if (after) after.before = before
    else this.#last = before
    job.before = job.after = undefined
    this.#size--
  }
}
