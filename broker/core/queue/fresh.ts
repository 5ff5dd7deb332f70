import { Fifo } from '../dispatch/fifo.ts'
import type { Job } from '../dispatch/job.ts'

/** Bounds on waiting commands that stay in memory: their number and bytes. */
const [MAX_ANSWERS, MAX_BYTES] = [2_048, 16_777_216]

/** Keeps the youngest commands in memory, so that a command that is delivered at once is never read back. Others are only on the disk. */
export class Fresh {
  readonly #jobs = new Fifo<Job>()
  readonly #sizes = new Fifo<number>()
  #count = 0
  #bytes = 0

  add(job: Job): void {
    this.#jobs.push(job)
    this.#sizes.push(job.bytes)
    this.#count++
    this.#bytes += job.bytes
    while (this.#count > MAX_ANSWERS || this.#bytes > MAX_BYTES) {
      const oldest = this.#jobs.shift()!
      this.#count--
      this.#bytes -= this.#sizes.shift()!
      if (oldest.state !== 'held') oldest.inHand = undefined
    }
  }
}
