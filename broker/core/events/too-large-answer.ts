import { eventTopic } from '../../../shared/wire/topic.ts'
import { TOO_LARGE, tooLargeFields } from '../../seam/too-large.ts'
import type { AnsweredCommand } from './events.ts'

/** Bytes of an answer's packet besides its fields, topic, correlation data and `re`, at most. */
const OVERHEAD = 128

/** Replaces an answer from an inbox that is too large for the client: the event's name and body. */
export function tooLargeAgain(command: string, { re, at }: { re?: unknown; at?: unknown }) {
  return { event: TOO_LARGE, body: Buffer.from(JSON.stringify({ re, at, ...tooLargeFields(command) })) }
}

/** Bytes left for an answer's fields in a packet of at most `largest` bytes. */
export function roomFor(largest: number, { user, re = '', correlation, responseTopic, name }: AnsweredCommand): number {
  const topic = responseTopic ?? eventTopic(user, name) // the names of a command and its answer are about as long
  const overhead =
    Buffer.byteLength(topic) + Buffer.byteLength(JSON.stringify(re)) + (correlation?.length ?? 0) + OVERHEAD
  return largest - overhead
}
