import { eventTopic } from '../../../shared/wire/topic.ts'
import { TOO_LARGE, tooLargeFields } from '../../seam/too-large.ts'
import type { Cause } from './events.ts'

/** Bytes of an answer's packet beside its fields, topic, correlation data and `re`, at most. */
const AROUND = 128

/** What is told instead of an answer that is told again from an inbox: its name and body. */
export function tooLargeAgain(command: string, { re, at }: { re?: unknown; at?: unknown }) {
  return { event: TOO_LARGE, body: Buffer.from(JSON.stringify({ re, at, ...tooLargeFields(command) })) }
}

/** Bytes that are left for the fields of an answer in a packet of at most `largest` bytes. */
export function roomFor(largest: number, { user, re = '', correlation, responseTopic, name }: Cause): number {
  const topic = responseTopic ?? eventTopic(user, name) // the names of a command and its answer are about as long
  const around = Buffer.byteLength(topic) + Buffer.byteLength(JSON.stringify(re)) + (correlation?.length ?? 0) + AROUND
  return largest - around
}
