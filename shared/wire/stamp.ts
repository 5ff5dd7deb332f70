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
})
export type Stamp = z.output<typeof stamp>

export const commandTopic = z.string().refine(isCommandName).transform(commandName)
