import { Deadlines } from './deadlines.ts'
import type { Job } from './job.ts'

/** Jobs whose time to live is checked in one turn, at most. */
const LOOKED_AT = 500

export interface JobTimesPorts {
  queueTtlMs: number
  /** The pause between two attempts is over; the job waits for a member again. */
  rested(job: Job): void
  /** A member has held the job for longer than it may. */
  timedOut(job: Job): void
  /** A job that waits has expired. */
  expired(job: Job): void
  /** A job has waited for QUEUE_TTL. Returns false when no member consumes it, and it has ended; else it waits again. */
  mayWait(job: Job): boolean
}

// A job has one deadline (deadlines.ts). What it means depends on the job's state:
//
//   state            set by             deadline                                when it passes
//   waiting, ready   waitForTurn        the command's expiry, or the end of     `expired` if it has expired; else it waits again,
//                                       its second wait for a member            as long as it `mayWait`
//   resting          rest               the end of the pause between two        `rested`
//                                       attempts
//   held             limit              the time limit and GRACE, for the head  `timedOut`
//                                       of a lane; none when the member keeps
//                                       time
//   over             (cleared)          none
//
// The first wait for a member needs no deadline of its own: all jobs wait equally long (QUEUE_TTL) in the order in which they were
// accepted, so `#firstPatient` points at the first that has not waited that long.

/** The deadlines of one group's jobs. */
export class JobTimes {
  readonly #ports: JobTimesPorts
  readonly #deadlines = new Deadlines(
    (job) => this.#passed(job),
    () => (this.#firstPatient ? this.#firstPatient.since + this.#ports.queueTtlMs : Infinity),
    () => this.#checkPatience(),
  )
  /** The first job that has not waited for QUEUE_TTL yet. */
  #firstPatient: Job | undefined

  constructor(ports: JobTimesPorts) {
    this.#ports = ports
  }

  /** A job was accepted, behind all others. */
  accepted(job: Job): void {
    if (this.#firstPatient) return
    this.#firstPatient = job
    this.#deadlines.wakeBy(job.since + this.#ports.queueTtlMs)
  }

  /** A job is over; call this before it leaves the line. */
  over(job: Job): void {
    if (this.#firstPatient === job) this.#firstPatient = job.after
  }

  /**
   * Sets the deadline of a job that waits: its command's expiry, or the end of a second wait for a member. `#firstPatient` covers the
   * first wait; a job that has waited for QUEUE_TTL already waits as long again.
   */
  waitForTurn(job: Job): void {
    const { expiresAt, since } = job
    const { queueTtlMs } = this.#ports
    const now = performance.now()
    if (since + queueTtlMs <= now) job.givesUpAt = now + queueTtlMs
    const expiry = expiresAt === undefined ? Infinity : now + expiresAt - Date.now()
    const at = Math.min(expiry, job.givesUpAt)
    if (at < Infinity) this.#deadlines.set(job, at)
  }

  /** Starts the pause between two attempts. */
  rest(job: Job, delayMs: number): void {
    this.#deadlines.set(job, performance.now() + delayMs)
  }

  /** Starts the time limit of a job that a member works on from now. */
  limit(job: Job, limitMs: number): void {
    this.#deadlines.set(job, performance.now() + limitMs)
  }

  clear(job: Job): void {
    this.#deadlines.clear(job)
  }

  close(): void {
    this.#deadlines.close()
  }

  #passed(job: Job): void {
    if (job.state === 'resting') this.#ports.rested(job)
    else if (job.state === 'held') this.#ports.timedOut(job)
    else this.#waited(job, job.givesUpAt <= performance.now())
  }

  #checkPatience(): void {
    const accepted = performance.now() - this.#ports.queueTtlMs
    let left = LOOKED_AT
    for (let job = this.#firstPatient; job && job.since <= accepted && left-- > 0; job = this.#firstPatient) {
      this.#firstPatient = job.after
      if (job.state === 'waiting' || job.state === 'ready') this.#waited(job, true)
    }
  }

  #waited(job: Job, isLong: boolean): void {
    if (job.ending) return
    const { expiresAt = Infinity } = job
    // A timer may fire a millisecond early.
    if (expiresAt <= Date.now()) this.#ports.expired(job)
    else if (!isLong || this.#ports.mayWait(job)) this.waitForTurn(job)
  }
}
