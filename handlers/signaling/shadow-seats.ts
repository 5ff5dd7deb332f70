import type { CommandRef } from '../../shared/runtime/command.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { seatOf, type ConferenceDocument, type Participant, type Shadow } from './conference-state.ts'

// A block between two participants of a conference must look to each as if the other had lost their connection: away at first, and
// gone after `RESUME_MS`. From then on neither is in the conference for the other, whatever they do there.

type Seats = Pick<ConferenceDocument, 'participants' | 'shadows'>

/** The most shadows of one conference; the oldest are dropped first. */
const MAX_SHADOWS = 64

/** The other participants whom the user sees. */
export function othersFor(user: UserId, among: readonly Participant[]): Participant[] {
  const mine = among.find((one) => one.user === user)
  return among.filter((one) => one !== mine && !one.unseen?.includes(user) && !mine?.unseen?.includes(one.user))
}

/** The participants who look away to the user because of a block. */
export function shadowsFor(user: UserId, { shadows = [] }: Seats): Shadow[] {
  return shadows.filter((one) => one.to === user)
}

/** Hides the user and the blocked participants from each other. Returns the same object when they do not see each other anyway. */
export function hide<Now extends Seats>(now: Now, user: UserId, blocked: readonly UserId[], command: CommandRef): Now {
  const mine = seatOf(now, user)
  const met = othersFor(user, now.participants).filter((one) => blocked.includes(one.user))
  if (!mine || met.length === 0) return now
  const [since, at] = [command.id, command.at.getTime()]
  const made = met.flatMap((one): Shadow[] => [
    { to: user, user: one.user, id: one.id, since, at },
    { to: one.user, user, id: mine.id, since, at },
  ])
  const unseen = [...(mine.unseen ?? []), ...met.map((one) => one.user)]
  return {
    ...now,
    participants: now.participants.map((one) => (one === mine ? { ...mine, unseen } : one)),
    shadows: [...(now.shadows ?? []), ...made].slice(-MAX_SHADOWS),
  }
}

/** The shadows that remain once the user sees all other participants except the unseen. */
export function withoutShadows(now: Seats, user: UserId, unseen: readonly UserId[]): Shadow[] {
  const isSeen = (one: UserId): boolean => !unseen.includes(one) && seatOf(now, one) !== undefined
  return (now.shadows ?? []).filter(
    (one) => !(one.to === user && isSeen(one.user)) && !(one.user === user && isSeen(one.to)),
  )
}

/** Has this command met a block that was made in the conference? */
export function hasHidden(shadows: readonly Shadow[] | undefined, { id }: CommandRef): boolean {
  return shadows?.some((one) => one.since === id) ?? false
}

/** The other's seat, which sees this user from now on. Whether the user sees it is up to the user's own seat. */
export function seeing(user: UserId, other: Participant): Participant {
  return other.unseen?.includes(user) ? { ...other, unseen: other.unseen.filter((one) => one !== user) } : other
}
