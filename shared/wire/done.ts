import { z } from 'zod'
import { CODES } from './refusal.ts'
import { isWord } from './topic.ts'
import { isUserId, type UserId } from './user-id.ts'

const userId = z.custom<UserId>(isUserId, 'is no user id')

/** One event a handler causes, to one user or to many. The broker makes its topics and adds `at`, and `re` for the caller's own. */
export const outgoingEvent = z.object({
  to: z.union([userId, z.array(userId).max(10_000)]),
  event: z.string().refine(isWord, 'is no event name'),
  fields: z.record(z.string(), z.unknown()),
})
export type OutgoingEvent = z.output<typeof outgoingEvent>

/** Milliseconds after which a command may be sent, at most: 30 days. */
export const MAX_LATER = 2_592_000_000

/** Commands to be sent in the caller's name, after so many milliseconds. */
const later = z
  .array(
    z.strictObject({
      after_ms: z.number().int().min(0).max(MAX_LATER),
      command: z.string().refine(isWord, 'is no command name'),
      input: z.record(z.string(), z.unknown()),
    }),
  )
  .max(100)
  .optional()
export type LaterCommands = NonNullable<z.output<typeof later>>

/** Characters of the reason for which a command is put off. */
export const MAX_REASON = 200

const events = z.array(outgoingEvent).max(10_000)
const delivery = { command: z.string(), attempt: z.number().int().min(1) }

/**
 * The body of `$done`: the end of one delivery, as one unit. `done` and `refused` end the command, and the broker stores its
 * events with its end; `retry` asks for another attempt, and with `unavailable` for one that does not count: something the
 * handler needs was not there, for the `reason` that the broker shows its operator.
 */
export const done = z.discriminatedUnion('outcome', [
  z.strictObject({ ...delivery, outcome: z.literal('done'), events, later }),
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
  }),
])
export type Done = z.output<typeof done>

/** A `Done` from a plain MQTT client, which need not tell the attempt. */
export type Said = Done extends infer D ? (D extends Done ? Omit<D, 'attempt'> & { attempt?: number } : never) : never
