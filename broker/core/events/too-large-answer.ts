import { refuse, refusalFields } from '../../../shared/wire/refusal.ts'
import { isoNow } from '../../../shared/wire/time.ts'
import { eventTopic } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Answers, Outgoing } from '../../seam/port.ts'
import type { Cause } from './events.ts'

const EVENT = 'command_rejected'
/** Bytes of an answer's packet beside its fields, topic, correlation data and `re`, at most. */
const AROUND = 128

/** The fields of the refusal that a client gets instead of an answer larger than its Maximum Packet Size. */
function fieldsFor(command: string): object {
  return refusalFields(
    command,
    refuse('too_large', undefined, 'the answer is larger than the Maximum Packet Size of this client'),
  )
}

/** The event that goes out instead of an answer: where refusals go, or by name where the answer's name is in the payload. */
export function tooLarge(user: UserId, topic: string, answers: Answers): Pick<Outgoing, 'topic' | 'payload'> {
  const { command, re, isNamed } = answers
  const body = { ...(isNamed && { event: EVENT }), re, at: isoNow(), ...fieldsFor(command) }
  return { topic: isNamed ? topic : eventTopic(user, EVENT), payload: Buffer.from(JSON.stringify(body)) }
}

/** The same for an answer that is told again from an inbox: its name and body. */
export function tooLargeAgain(command: string, { re, at }: { re?: unknown; at?: unknown }) {
  return { event: EVENT, body: Buffer.from(JSON.stringify({ re, at, ...fieldsFor(command) })) }
}

/** Bytes that are left for the fields of an answer in a packet of at most `largest` bytes. */
export function roomFor(largest: number, { user, re = '', correlation, responseTopic, name }: Cause): number {
  const topic = responseTopic ?? eventTopic(user, name) // the names of a command and its answer are about as long
  const around = Buffer.byteLength(topic) + Buffer.byteLength(JSON.stringify(re)) + (correlation?.length ?? 0) + AROUND
  return largest - around
}
