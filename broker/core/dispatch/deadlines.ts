import { MAX_DELAY } from '../../../shared/timer.ts'
import type { Job } from './job.ts'

/**
 * The deadlines of one group's jobs, one per job at most, by `performance.now()`. One timer serves all: they are in a heap whose
 * first is the earliest.
 */
export class Deadlines {
  readonly #heap: Job[] = []
  readonly #due: (job: Job) => void
  readonly #next: () => number
  readonly #look: () => void
  #timer: NodeJS.Timeout | undefined
  #wakesAt = Infinity

  /**
   * @param due is called for each job whose deadline has passed; the job then has none
   * @param next when `look` is to be called next
   * @param look checks something else at that time
   */
  constructor(due: (job: Job) => void, next: () => number, look: () => void) {
    this.#due = due
    this.#next = next
    this.#look = look
  }

  set(job: Job, at: number): void {
    this.clear(job)
    job.dueAt = at
    this.#heap.push(job)
    this.#up(job, this.#heap.length - 1)
    this.wakeBy(at)
  }

  clear(job: Job): void {
    const { place } = job
    if (place < 0) return
    job.place = -1
    const last = this.#heap.pop()!
    if (last === job) return
    if (place > 0 && last.dueAt < this.#heap[(place - 1) >> 1]!.dueAt) this.#up(last, place)
    else this.#down(last, place)
  }

  /** Calls `look` at this time at the latest. */
  wakeBy(at: number): void {
    if (at >= this.#wakesAt) return
    clearTimeout(this.#timer)
    this.#wakesAt = at
    const left = Math.max(Math.ceil(at - performance.now()), 1)
    this.#timer = setTimeout(() => this.#wake(), Math.min(left, MAX_DELAY))
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#wakesAt = -Infinity
  }

  #wake(): void {
    this.#wakesAt = Infinity
    const now = performance.now()
    for (let job = this.#heap[0]; job && job.dueAt <= now; job = this.#heap[0]) {
      this.clear(job)
      this.#due(job)
    }
    this.#look()
    const next = Math.min(this.#heap[0]?.dueAt ?? Infinity, this.#next())
    if (next < Infinity) this.wakeBy(next)
  }

  #up(job: Job, from: number): void {
    let at = from
    for (let above = (at - 1) >> 1; at > 0 && job.dueAt < this.#heap[above]!.dueAt; above = (at - 1) >> 1) {
      this.#put(this.#heap[above]!, at)
      at = above
    }
    this.#put(job, at)
  }

  #down(job: Job, from: number): void {
    let at = from
    for (;;) {
      let below = 2 * at + 1
      if (below + 1 < this.#heap.length && this.#heap[below + 1]!.dueAt < this.#heap[below]!.dueAt) below++
      if (below >= this.#heap.length || job.dueAt <= this.#heap[below]!.dueAt) break
      this.#put(this.#heap[below]!, at)
      at = below
    }
    this.#put(job, at)
  }

  #put(job: Job, at: number): void {
    this.#heap[at] = job
    job.place = at
  }
}
