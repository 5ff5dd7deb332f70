import { refuse, refusalFields } from '../../shared/wire/refusal.ts'
import { isoNow } from '../../shared/wire/time.ts'
import { eventTopic } from '../../shared/wire/topic.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** The command that an event answers. */
export interface Answers {
  command: string
  re: string | undefined
  /** Does the event's topic leave its name to the payload? */
  isNamed: boolean
}

/** The event that a client gets instead of an answer larger than its Maximum Packet Size. */
export const TOO_LARGE = 'command_rejected'

/** Its fields. */
export function tooLargeFields(command: string): object {
  return refusalFields(
    command,
    refuse('too_large', undefined, 'the answer is larger than the Maximum Packet Size of this client'),
  )
}

/** It goes where refusals go, or, by name, where the answer's name is in the payload. */
export function tooLarge(user: UserId, topic: string, answers: Answers): { topic: string; payload: Buffer } {
  const { command, re, isNamed } = answers
  const body = { ...(isNamed && { event: TOO_LARGE }), re, at: isoNow(), ...tooLargeFields(command) }
  return { topic: isNamed ? topic : eventTopic(user, TOO_LARGE), payload: Buffer.from(JSON.stringify(body)) }
}
