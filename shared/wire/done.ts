import { z } from 'zod'
import { MAX_DEPTH, parseJsonObject, textFault, type JsonObject } from './json.ts'
import { CODES } from './refusal.ts'
import { toldError } from './told-error.ts'
import { isWord } from './topic.ts'
import { isUserId, userIdField } from './user-id.ts'

// The bounds of a `$done`. A handler process checks them with the broker's code before it sends one (`encodeDone`, `parseDone`), so
// that a handler's author sees an error in the handler's log, and not a refusal by the broker.

/** The most receivers of one event. */
export const MAX_RECEIVERS = 10_000
export const MAX_EVENTS = 10_000
/** The most later commands of one command. */
export const MAX_LATER_COMMANDS = 1_000
/** The most characters of the reason for which an attempt is postponed. */
export const MAX_REASON = 200
/** An event's fields and a later command's input may be nested as deeply as any payload. */
const MAX_DONE_DEPTH = MAX_DEPTH + '{[{'.length

/** An event that a handler causes, to one user or to many. The broker makes the topics, adds `at`, and `re` in the caller's own. */
export const outgoingEvent = z.object({
  to: z.union([userIdField, z.array(userIdField).max(MAX_RECEIVERS)]),
  event: z.string().refine(isWord, 'is not an event name'),
  fields: z.record(z.string(), z.unknown()),
})
export type OutgoingEvent = z.output<typeof outgoingEvent>

/** The longest delay of a later command, in milliseconds: 30 days. */
export const MAX_LATER = 2_592_000_000

/** Commands to be sent in the caller's name after a delay. */
const later = z
  .array(
    z.strictObject({
      after_ms: z.number().int().min(0).max(MAX_LATER),
      command: z.string().refine(isWord, 'is not a command name'),
      input: z.record(z.string(), z.unknown()),
    }),
  )
  .max(MAX_LATER_COMMANDS)
  .optional()
export type LaterCommands = NonNullable<z.output<typeof later>>

/** Earlier events to be removed from inboxes: those with these names in which the field has this value. */
const forget = z
  .array(
    z.strictObject({
      events: z.array(z.string().refine(isWord, 'is not an event name')).min(1).max(16),
      field: z.string().refine(isWord, 'is not a field name'),
      value: z.string().min(1).max(64),
    }),
  )
  .max(10)
  .optional()
export type Forgotten = NonNullable<z.output<typeof forget>>[number]

const events = z.array(outgoingEvent).max(MAX_EVENTS)
const delivery = { command: z.string(), attempt: z.number().int().min(1) }

/**
 * The body of `$done`: the end of one delivery, as one unit.
 * - `done` and `refused` end the command. The broker stores the events together with the end.
 * - `retry` asks for another attempt. With `unavailable` the attempt does not count: something that the handler needs is missing,
 *   and operators see the `reason`. `damaged`: a file must be restored first, and the broker is not ready until then. `error` goes
 *   into the dead letter if this was the last attempt.
 */
export const done = z.discriminatedUnion('outcome', [
  z.strictObject({ ...delivery, outcome: z.literal('done'), events, later, forget }),
  z.strictObject({
    ...delivery,
    outcome: z.literal('refused'),
    code: z.enum(CODES),
    message: z.string(),
    fields: z.record(z.string(), z.string()).optional(),
    retry_after_ms: z.number().int().min(0).optional(),
    events: events.optional(),
    later,
  }),
  z.strictObject({
    ...delivery,
    outcome: z.literal('retry'),
    code: z.enum(['internal', 'timeout', 'unavailable']),
    reason: z.string().max(MAX_REASON).optional(),
    error: toldError.optional(),
    damaged: z.boolean().optional(),
  }),
])
export type Done = z.output<typeof done>

/** A `Done` from a plain MQTT client, which may leave out the attempt. */
export type Said = Done extends infer D ? (D extends Done ? Omit<D, 'attempt'> & { attempt?: number } : never) : never

/** Encodes the payload of a `$done`. @throws {Error} saying what the broker would refuse */
export function encodeDone(end: Done): string {
  if (!isUsual(end)) checked(end)
  const text = JSON.stringify(end)
  const fault = textFault(text, MAX_DONE_DEPTH)
  if (fault !== undefined) throw new SyntaxError(fault)
  return text
}

/** @throws {Error} saying what is wrong with it */
export function parseDone(payload: Uint8Array): Done {
  const end = parseJsonObject(payload, MAX_DONE_DEPTH)
  return isUsual(end) ? end : checked(end)
}

/** Checks the usual kind of end by hand, which costs a fraction of the schema; true only if `done` would accept it, too. */
function isUsual(end: object): end is Extract<Done, { outcome: 'done' }> {
  const { outcome, command, attempt, events, ...others } = end as JsonObject
  if (outcome !== 'done' || typeof command !== 'string' || Object.keys(others).length > 0) return false
  if (!Number.isSafeInteger(attempt) || (attempt as number) < 1) return false
  return Array.isArray(events) && events.length <= MAX_EVENTS && events.every(isUsualEvent)
}

function isUsualEvent(one: unknown): boolean {
  if (!isObject(one)) return false
  const { to, event, fields, ...others } = one
  if (typeof event !== 'string' || !isWord(event) || !isObject(fields) || Object.keys(others).length > 0) return false
  return Array.isArray(to) ? to.length <= MAX_RECEIVERS && to.every(isUserId) : isUserId(to)
}

function isObject(value: unknown): value is JsonObject {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function checked(end: object): Done {
  const parsed = done.safeParse(end)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new TypeError([path.join('.'), message].filter((part) => part !== '').join(': '))
}

const naming = z.looseObject({ command: z.string(), attempt: z.number().optional().catch(undefined) })

/** The delivery that a refused `$done` names, if that can be read. */
export function namedBy(payload: Uint8Array): { command: string; attempt?: number | undefined } | undefined {
  try {
    return naming.safeParse(JSON.parse(Buffer.from(payload).toString())).data
  } catch {
    return undefined
  }
}
