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

const DIGITS = /^[1-9]\d{0,14}$/
/** As the broker writes it. */
const INSTANT = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

/** What `stamp` makes of user properties, or undefined when they are none; nearly always without a schema, which costs more. */
export function stampOf(properties: Readonly<Record<string, unknown>>): Stamp | undefined {
  const { 'command-id': id, 'user-id': user, 'client-id': client, attempt, at, traceparent, order, lane } = properties
  const isPlain =
    typeof id === 'string' &&
    isUserId(user) &&
    typeof client === 'string' &&
    isNumber(attempt) &&
    typeof at === 'string' &&
    INSTANT.test(at) &&
    typeof traceparent === 'string' &&
    isNumber(order) &&
    (lane === undefined || isNumber(lane)) &&
    properties['clients'] === undefined
  if (!isPlain) return stamp.safeParse(properties).data
  return {
    'command-id': id,
    'user-id': user,
    'client-id': client,
    attempt: Number(attempt),
    at,
    traceparent,
    order: Number(order),
    ...(lane !== undefined && { lane: Number(lane) }),
  }
}

function isNumber(text: unknown): text is string {
  return typeof text === 'string' && DIGITS.test(text)
}

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
