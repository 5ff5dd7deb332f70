import type { Forgotten, LaterCommands, OutgoingEvent } from '../../../shared/wire/done.ts'
import { refuse, Refusal, refusalFields } from '../../../shared/wire/refusal.ts'
import type { Command } from '../../seam/session.ts'
import type { DeadLetter } from '../queue/dead-letters.ts'
import type { Ended } from '../queue/replays.ts'
import type { Full } from '../queue/room.ts'

// What senders are told about how their commands end.

/** `retry_after_ms` for a user who has too many commands waiting: some may have ended by then. */
const SENT_AGAIN = 1_000

/** How a command ends: its events, its later commands, and its dead letter if its last attempt failed. */
export interface Ending {
  events: readonly OutgoingEvent[]
  later?: LaterCommands | undefined
  /** Events that inboxes no longer return. */
  forget?: readonly Forgotten[] | undefined
  died?: DeadLetter | undefined
}

/** Tells a sender why the queue has no room for a command. */
export function noRoom(share: Full): Refusal {
  if (share === 'all') return refuse('unavailable')
  if (share === 'group')
    return refuse('unavailable', undefined, 'too many commands wait for the handlers of this one, try again later')
  const message = 'too many of your commands wait, send more when some are answered'
  return new Refusal('rate_limited', { message, retryAfterMs: SENT_AGAIN })
}

/** Answers the repeat of a command that has ended and whose answer is no longer kept. */
export function forgotten(): Refusal {
  return refuse('conflict', undefined, 'this command has already run, and its answer is no longer kept')
}

/** Replaces a command's answer, if it has one, by a refusal: nobody could receive its live events. */
export function refused<Event extends OutgoingEvent>(events: Event[], command: Command, refusal: Refusal, at: string) {
  const answer = command.internal ? undefined : events.find(({ to }) => to === command.user)
  return events.map((event) => (event === answer ? { ...rejection(command, refusal), at } : event))
}

export function rejection({ user, name }: Pick<Command, 'user' | 'name'>, refusal: Refusal): OutgoingEvent {
  return { to: user, event: 'command_rejected', fields: refusalFields(name, refusal) }
}

export function failure({ user, name }: Pick<Command, 'user' | 'name'>, refusal: Refusal): OutgoingEvent {
  return { to: user, event: 'command_failed', fields: refusalFields(name, refusal) }
}

export function outcomeOf({ events, died }: Ending): Ended {
  if (died) return { outcome: 'dead', code: died.code, ...(died.error && { error: died.error }) }
  const refused = events.find(({ event }) => event === 'command_rejected')
  return refused ? { outcome: 'refused', code: String(refused.fields['code']) } : { outcome: 'done' }
}
