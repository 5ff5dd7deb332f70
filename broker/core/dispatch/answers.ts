import type { Forgotten, LaterCommands, OutgoingEvent } from '../../../shared/wire/done.ts'
import { refuse, Refusal, refusalFields } from '../../../shared/wire/refusal.ts'
import type { Command } from '../../seam/session.ts'
import type { DeadLetter } from '../queue/dead-letters.ts'
import type { Ended } from '../queue/replays.ts'
import type { Full } from '../queue/room.ts'

// What senders are told of how their commands end.

/** Milliseconds after which one may send again who has too many commands waiting: some have ended, perhaps. */
const SENT_AGAIN = 1_000

/** How a command ends: what it causes, now and later, and the letter of one that is dead. */
export interface Ending {
  events: readonly OutgoingEvent[]
  later?: LaterCommands | undefined
  /** What inboxes tell no more. */
  forget?: readonly Forgotten[] | undefined
  died?: DeadLetter | undefined
}

/** Why a command finds no room in the queue, as its sender is told. */
export function noRoom(share: Full): Refusal {
  if (share === 'all') return refuse('unavailable')
  if (share === 'group')
    return refuse('unavailable', undefined, 'too many commands wait for what answers this one, try again later')
  const message = 'too many of your commands wait, send more when some are answered'
  return new Refusal('rate_limited', { message, retryAfterMs: SENT_AGAIN })
}

/** What is told of a command that has ended, whose answer is not kept any more. */
export function forgotten(): Refusal {
  return refuse('conflict', undefined, 'this command has been done before, and its answer is not kept any more')
}

/** What a command causes, and that nobody was there for what it was about, if it is answered at all. */
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
