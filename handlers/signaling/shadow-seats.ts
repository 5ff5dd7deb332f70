import type { CommandRef } from '../../shared/runtime/command.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { ConferenceDocument, Participant } from './conference-book.ts'

// A block made between two who are both in a conference must look as if the other had lost their connection: away at first, and gone
// when they have not come back in time. Behind that, neither is in it for the other any more, whatever they do there.

/** To `to`, this user is away in this seat, and gone when `RESUME_MS` have passed. */
export interface Shadow {
  readonly to: UserId
  readonly user: UserId
  /** Of the seat. */
  readonly id: string
  /** The command that met with the block, and when that came, in milliseconds since 1970. */
  readonly since: string
  readonly at: number
}

type Seats = Pick<ConferenceDocument, 'participants' | 'shadows'>

/** Shadows of one conference, at most; the oldest go. */
const MOST_SHADOWS = 64

export function seatOf({ participants }: Pick<Seats, 'participants'>, user: UserId): Participant | undefined {
  return participants.find((one) => one.user === user)
}

/** The others in it, as far as the user sees them. */
export function othersFor(user: UserId, among: readonly Participant[]): Participant[] {
  const mine = among.find((one) => one.user === user)
  return among.filter((one) => one !== mine && !one.unseen?.includes(user) && !mine?.unseen?.includes(one.user))
}

/** Those who are away to the user because of a block. */
export function shadowsFor(user: UserId, { shadows = [] }: Seats): Shadow[] {
  return shadows.filter((one) => one.to === user)
}

/** Hides the user and these from each other, those whom they see; the very same object when that are none. */
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
    shadows: [...(now.shadows ?? []), ...made].slice(-MOST_SHADOWS),
  }
}

/** The shadows that are left when the user sees all others who are in it but these. */
export function withoutShadows(now: Seats, user: UserId, unseen: readonly UserId[]): Shadow[] {
  const isSeen = (one: UserId): boolean => !unseen.includes(one) && seatOf(now, one) !== undefined
  return (now.shadows ?? []).filter(
    (one) => !(one.to === user && isSeen(one.user)) && !(one.user === user && isSeen(one.to)),
  )
}
