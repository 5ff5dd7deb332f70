import type { CommandRef } from '../../shared/runtime/command.ts'
import type { Document } from '../../shared/store/documents.ts'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** The most participants: everybody is connected to everybody, and more need a server that mixes. */
export const MAX_PARTICIPANTS = 8
/** Milliseconds in which a participant whose connection is lost may come back. */
export const RESUME_MS = 60_000

export interface Participant {
  readonly user: UserId
  /** The id of the seat, which stays the same when the participant comes back. */
  readonly id: string
  /** The command that told of the lost connection, while it is lost. */
  readonly away?: string
  /** Participants across a block: this one and each of them are not in the conference for each other. */
  readonly unseen?: readonly UserId[]
}

/**
 * What one participant sees of another across a block that was made in the conference: to `to`, `user` is away in this seat,
 * and gone after `RESUME_MS`.
 */
export interface Shadow {
  readonly to: UserId
  readonly user: UserId
  /** The id of the user's seat. */
  readonly id: string
  /** The command that met the block. */
  readonly since: string
  /** When the broker accepted that command, in milliseconds since 1970. */
  readonly at: number
}

/** What a command did to a conference. */
type What = 'created' | 'joined' | 'resumed' | 'left' | 'ended' | 'away' | 'faded'

export interface ConferenceDocument extends Document {
  readonly title?: string | undefined
  readonly owner: UserId
  /** Whoever has the token may join. */
  readonly token: string
  readonly ended: boolean
  readonly participants: readonly Participant[]
  readonly shadows?: readonly Shadow[]
  /** The last commands that changed the conference, so that a redelivered command has the same effects. */
  readonly recent: readonly Change[]
}

interface Change {
  /** The command's id. */
  readonly id: string
  readonly what: What
  /** Who was in the conference: before a leave or an end, and after anything else. */
  readonly among: readonly Participant[]
  /** The shadows that the command ended. */
  readonly gone?: readonly Shadow[]
}

/** How a command changes a conference; undefined when nothing has to change. */
export type Decision = readonly [what: What, next: Partial<ConferenceDocument>, gone?: readonly Shadow[]] | undefined

/** What has come of a command: the conference now, and the command's own change as in `Change`. */
export interface Outcome {
  readonly conference: ConferenceDocument
  /** Undefined when the command changed nothing. */
  readonly what?: What | undefined
  readonly among: readonly Participant[]
  readonly gone?: readonly Shadow[] | undefined
}

/** Commands remembered: all that the participants can have begun when a process dies. */
const REMEMBERED = MAX_PARTICIPANTS * MAX_BEGUN

export function hasChanged({ recent }: ConferenceDocument, { id }: CommandRef): boolean {
  return recent.some((one) => one.id === id)
}

/** The conference after a command's decision, which it remembers. */
export function decided(now: ConferenceDocument, { id }: CommandRef, decision: Decision): ConferenceDocument {
  if (!decision) return now
  const [what, next, gone] = decision
  const among = what === 'left' || what === 'ended' ? now.participants : (next.participants ?? now.participants)
  return { ...now, ...next, recent: [...now.recent, { id, what, among, ...(gone && { gone }) }].slice(-REMEMBERED) }
}

export function outcomeOf(conference: ConferenceDocument, { id }: CommandRef): Outcome {
  const done = conference.recent.find((one) => one.id === id)
  return { conference, what: done?.what, among: done?.among ?? conference.participants, gone: done?.gone }
}

export function seatOf(
  { participants }: Pick<ConferenceDocument, 'participants'>,
  user: UserId,
): Participant | undefined {
  return participants.find((one) => one.user === user)
}

/** The participants with this one in the place of their earlier seat. */
export function withSeat({ participants }: ConferenceDocument, seat: Participant): Participant[] {
  return participants.map((one) => (one.user === seat.user ? seat : one))
}
