import { z } from 'zod'
import { givenTitle } from '../shared/group-events.ts'
import { event, later, userId } from '../../shared/runtime/command.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { ConferenceDocument, Outcome } from './conference-state.ts'
import { othersFor, shadowsFor } from './shadow-seats.ts'
import { conferenceId, isPolite } from './signal-events.ts'

export const token = z.string().regex(/^[A-Za-z0-9_-]{32}$/, 'is not a token')

const named = { conference_id: conferenceId, title: givenTitle.optional() }
const seat = {
  user_id: userId,
  /** Stays the same when the participant comes back. */
  participant_id: z.string(),
  /** When both offer at the same time, the receiver of this event gives way to the participant. */
  polite: z.boolean(),
}

export const conference_created = event('conference_created', { ...named, token, participant_id: z.string() })
/** Does not say who of the invited hears of it. */
export const conference_invite_sent = event('conference_invite_sent', { conference_id: conferenceId })
export const conference_invited = event(
  'conference_invited',
  { ...named, token, by: userId },
  { wakes: ['conference_id', 'by'] },
)
/** The caller's own seat and the others'. */
export const conference_joined = event('conference_joined', {
  ...named,
  participant_id: z.string(),
  resumed: z.boolean(),
  participants: z.array(z.strictObject(seat)),
})
export const conference_left = event('conference_left', { conference_id: conferenceId })
/** To everyone who was in it. */
export const conference_ended = event('conference_ended', { conference_id: conferenceId, by: userId })

export const participant_joined = event('participant_joined', { conference_id: conferenceId, ...seat })
/** A participant is back in their seat: after a lost connection, in a new page, or from another device. */
export const participant_resumed = event('participant_resumed', { conference_id: conferenceId, ...seat })
/** A participant has left, or their connection has been lost for a minute. */
export const participant_left = event('participant_left', {
  conference_id: conferenceId,
  user_id: userId,
  participant_id: z.string(),
  reason: z.enum(['left', 'gone']),
})

/** A participant whose connection was lost has not come back in time. `since` is the command that told of the loss. */
export const participant_expired = later('participant_expired', {
  conference_id: z.union([z.array(conferenceId), conferenceId]),
  since: z.string(),
})

/** Participants who are hidden from each other by a block have looked away since the command `since`. */
export const participant_hidden = later('participant_hidden', { conference_id: conferenceId, since: z.string() })

const text = { conference_id: conferenceId, message_id: z.string() }
export const conference_message_sent = event('conference_message_sent', text)
export const conference_message = event('conference_message', {
  ...text,
  user_id: userId,
  body: z.string(),
  sent_at: z.iso.datetime(),
})

export function nameOf({ _id: conference_id, title }: ConferenceDocument) {
  return { conference_id, title }
}

/** The others' seats as `user` sees them, sorted by user id, so that the order does not reveal who is really there. */
export function seatsFor(user: UserId, { conference, among }: Outcome) {
  return [...othersFor(user, among), ...shadowsFor(user, conference)]
    .map((one) => ({ user_id: one.user, participant_id: one.id, polite: isPolite(user, one.user) }))
    .toSorted((a, b) => (a.user_id < b.user_id ? -1 : 1))
}

/** The events that tell the others of a seat that was taken, or taken again. */
export function taken(user: UserId, { conference, what, among }: Outcome) {
  const { id } = among.find((one) => one.user === user)!
  const tell = what === 'joined' ? participant_joined : participant_resumed
  return othersFor(user, among).map((other) => {
    const fields = {
      conference_id: conference._id,
      user_id: user,
      participant_id: id,
      polite: isPolite(other.user, user),
    }
    return [other.user, tell(fields)] as const
  })
}

/** The event that tells the others of a seat that was given up. */
export function givenUp(user: UserId, { conference, among }: Outcome, reason: 'left' | 'gone') {
  const seat = among.find((one) => one.user === user)
  if (!seat) return []
  const others = othersFor(user, among).map((one) => one.user)
  const fields = { conference_id: conference._id, user_id: user, participant_id: seat.id, reason }
  return [[others, participant_left(fields)] as const]
}
