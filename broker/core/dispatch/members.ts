import type { HandlerSession } from '../../seam/session.ts'
import { SUSPECTED, type Job, type Member } from './job.ts'
import { leastBusy } from './least-busy.ts'

/** The processes of one group. */
export class Members {
  readonly #bySession = new Map<string, Member>()

  get size(): number {
    return this.#bySession.size
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#bySession.values()
  }

  /** The member with this very session: undefined when it is not a member, or its client has reconnected since. */
  get(session: HandlerSession): Member | undefined {
    const member = this.#bySession.get(session.id)
    return member?.session === session ? member : undefined
  }

  /** The member with this session id, perhaps with an older session of it. */
  withId(id: string): Member | undefined {
    return this.#bySession.get(id)
  }

  add(session: HandlerSession, window: number): Member {
    const member = {
      session,
      window,
      consumes: new Map(),
      holds: new Map(),
      keptFor: undefined,
      isBusy: false,
      isStuck: false,
    }
    this.#bySession.set(session.id, member)
    return member
  }

  remove({ session }: Member): void {
    this.#bySession.delete(session.id)
  }

  /** True when a member consumes this command, busy or not. A stuck member does not count: it may never begin anything again. */
  consume(command: string): boolean {
    for (const member of this.#bySession.values()) if (member.consumes.has(command) && !member.isStuck) return true
    return false
  }

  /** Which member should get a job: see `leastBusy`. */
  pick(job: Job): Member | 'full' | undefined {
    return leastBusy(this.#bySession.values(), job)
  }

  /** No member is reserved for this job any more. */
  unreserve(job: Job): void {
    if (job.lost < SUSPECTED) return
    for (const member of this.#bySession.values()) if (member.keptFor === job) member.keptFor = undefined
  }
}
