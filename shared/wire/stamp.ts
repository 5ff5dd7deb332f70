import { z } from 'zod'
import { commandName, isCommandName } from './topic.ts'
import { isUserId, userIdField } from './user-id.ts'

/**
 * What the broker tells about a command, as MQTT 5 user properties of its delivery. Handlers trust only these: the broker removes
 * whatever a device sends under these names.
 */
export const stamp = z.object({
  'command-id': z.string(),
  'user-id': userIdField,
  'client-id': z.string(),
  attempt: z.coerce.number().int().min(1),
  at: z.iso.datetime(),
  traceparent: z.string(),
  /** Grows with each command that the broker accepts. */
  order: z.coerce.number().int().min(0),
  /** For an ordered command: the user's lane generation, which grows when the broker takes back what it had sent. */
  lane: z.coerce.number().int().min(1).optional(),
  /** For a command that declares `seesClients`: the user's connected clients. */
  clients: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.array(z.string()))
    .optional(),
})
export type Stamp = z.output<typeof stamp>
/** The same as user properties. */
export type StampProperties = { [name in keyof z.input<typeof stamp>]: string }

const DIGITS = /^[1-9]\d{0,14}$/
/** A time as the broker writes it. */
const INSTANT = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

/** Parses user properties as `stamp` does; undefined when they are invalid. Usually without the schema, which costs more. */
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
 * The most commands of one user that a handler may have begun before the end of the first is stored. After a crash all of them are
 * redelivered, so a document that several commands change remembers as many.
 */
export const MAX_BEGUN = 8

/**
 * CONNECT user property with which a handler says `true`: it runs each user's commands one after another, and when one fails it skips
 * those after it. It then gets several at a time.
 */
export const KEEPS_ORDER = 'keeps-order'

export const commandTopic = z.string().refine(isCommandName).transform(commandName)
