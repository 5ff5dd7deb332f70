import { SUSPECTED, type Job, type Member } from './job.ts'

/**
 * The member that holds the fewest, of those that take the job's command; `full` when none of them has room or begins anything,
 * undefined when there is none, or it is stuck. A suspected job has a member for itself, which is kept for it until it is idle.
 */
export function leastBusy(members: Iterable<Member>, job: Job): Member | 'full' | undefined {
  let best: Member | undefined
  let isTaken = false
  for (const member of members) {
    if (!member.takes.has(job.name) || member.isStuck) continue
    isTaken = true
    if (member.keptFor === job && member.isBusy) member.keptFor = undefined // it may compute for ever
    if (member.keptFor === job) return member.holds.size === 0 ? member : 'full'
    if (member.isBusy || member.keptFor || member.holds.size >= member.window) continue
    if (!best || member.holds.size < best.holds.size) best = member
  }
  if (!best || job.lost < SUSPECTED) return best ?? (isTaken ? 'full' : undefined)
  best.keptFor = job
  return best.holds.size === 0 ? best : 'full'
}
