import type { Job } from '../dispatch/job.ts'
import { Room } from './room.ts'

/** Counts the jobs of commands: as their owner's until it has ended them, then as those of the groups that only observe. */
export class JobRoom extends Room<Job> {
  /** @param jobs all jobs of a command */
  hold(jobs: readonly Job[]): void {
    const owner = jobs.find(isOwner)
    if (owner) this.add(owner)
    else for (const job of jobs) this.addObserved(job)
  }

  release(jobs: readonly Job[]): void {
    const owner = jobs.find(isOwner)
    if (owner) this.remove(owner)
    else for (const job of jobs) this.removeObserved(job)
  }

  /**
   * A group has ended its job of a command.
   * @param left the remaining jobs
   * @param answer bytes of the answer that is kept with them
   */
  leave(job: Job, left: readonly Job[], answer: number): void {
    if (!job.isOwner) return this.removeObserved(job)
    this.remove(job)
    for (const other of left) {
      other.bytes += answer
      this.addObserved(other)
    }
  }
}

function isOwner(job: Job): boolean {
  return job.isOwner
}
