import type { Job, Lack } from './job.ts'

/** Why jobs of a group were put off, by job. */
export class Lacks {
  readonly #damaged = new Map<Job, Lack>()
  readonly #others = new Map<Job, Lack>()

  /** The lack of one job, damage first. */
  get first(): Lack | undefined {
    for (const [, lack] of this.#damaged) return lack
    for (const [, lack] of this.#others) return lack
    return undefined
  }

  set(job: Job, lack: Lack): void {
    this.clear(job)
    ;(lack.damaged ? this.#damaged : this.#others).set(job, lack)
  }

  clear(job: Job): void {
    if (this.#damaged.size > 0) this.#damaged.delete(job)
    if (this.#others.size > 0) this.#others.delete(job)
  }
}
