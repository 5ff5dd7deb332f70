import { z } from 'zod'
import { commandName, isCommandName } from './topic.ts'
import { isUserId, type UserId } from './user-id.ts'

/**
 * What the broker says of a command, as MQTT 5 user properties of its delivery. A handler believes these alone: whatever a
 * device sends under these names is gone before.
 */
export const stamp = z.object({
  'command-id': z.string(),
  'user-id': z.custom<UserId>(isUserId),
  'client-id': z.string(),
  attempt: z.coerce.number().int().min(1),
  at: z.iso.datetime(),
  traceparent: z.string(),
  /** The command's place among all: grows with each. */
  order: z.coerce.number().int().min(0),
  /** Of an ordered command: grows when the broker takes back what it had sent of this user's. */
  lane: z.coerce.number().int().min(1).optional(),
  /** For a command that is to know: the clients of its user that are connected. */
  clients: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.array(z.string()))
    .optional(),
})
export type Stamp = z.output<typeof stamp>

/**
 * Commands of one user that a handler may have begun while the end of the first is not stored yet: after a crash all of them
 * come again. What changes one document by several commands remembers as many.
 */
export const MAX_BEGUN = 8

/**
 * CONNECT user property by which a handler says `true`: it works each user's commands one after another, and once one of them
 * fails it leaves those behind it. It then gets several at a time.
 */
export const KEEPS_ORDER = 'keeps-order'

export const commandTopic = z.string().refine(isCommandName).transform(commandName)
