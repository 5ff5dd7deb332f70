import { refuse, refusalFields } from '../../shared/wire/refusal.ts'
import { isoNow } from '../../shared/wire/time.ts'
import { eventTopic } from '../../shared/wire/topic.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** The command that an event answers. */
export interface Answers {
  command: string
  re: string | undefined
  /** Is the event's name in the payload instead of the topic? */
  isNamed: boolean
}

/** The event that replaces an answer larger than the client's Maximum Packet Size. */
export const TOO_LARGE = 'command_rejected'

/** The fields of that event. */
export function tooLargeFields(command: string): object {
  return refusalFields(
    command,
    refuse('too_large', undefined, 'the answer is larger than the Maximum Packet Size of this client'),
  )
}

/** The replacement: on the topic of refusals, or, where the payload names the event, on the answer's own topic. */
export function tooLarge(user: UserId, topic: string, answers: Answers): { topic: string; payload: Buffer } {
  const { command, re, isNamed } = answers
  const body = { ...(isNamed && { event: TOO_LARGE }), re, at: isoNow(), ...tooLargeFields(command) }
  return { topic: isNamed ? topic : eventTopic(user, TOO_LARGE), payload: Buffer.from(JSON.stringify(body)) }
}
