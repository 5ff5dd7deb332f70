import { SUSPECTED, type Job, type Member } from './job.ts'

/**
 * The member that holds the fewest jobs, of those that consume the job's command; `full` when none of them has room or begins
 * anything now; undefined when there is none that is not stuck. A suspected job gets a member to itself: one is reserved for it
 * until it is idle.
 */
export function leastBusy(members: Iterable<Member>, job: Job): Member | 'full' | undefined {
  let best: Member | undefined
  let isConsumed = false
  for (const member of members) {
    if (!member.consumes.has(job.name) || member.isStuck) continue
    isConsumed = true
    if (member.keptFor === job && member.isBusy) member.keptFor = undefined // it may never be idle
    if (member.keptFor === job) return member.holds.size === 0 ? member : 'full'
    if (member.isBusy || member.keptFor || member.holds.size >= member.window) continue
    if (!best || member.holds.size < best.holds.size) best = member
  }
  if (!best || job.lost < SUSPECTED) return best ?? (isConsumed ? 'full' : undefined)
  best.keptFor = job
  return best.holds.size === 0 ? best : 'full'
}
