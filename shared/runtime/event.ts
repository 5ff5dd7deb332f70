import { z } from 'zod'
import { ENVELOPE, isWord } from '../wire/topic.ts'

/** Builds an event's value: `contact_added({ user_id })`. The name and the shape are promised to clients. */
export interface EventType<Name extends string = string, Shape extends z.ZodRawShape = z.ZodRawShape> {
  (fields: z.input<z.ZodObject<Shape>>): EventValue<Name>
  readonly event: Name
  readonly schema: z.ZodObject<Shape>
  readonly live: Live | undefined
  readonly fromStrangers: boolean
  readonly wakes: readonly string[] | undefined
}

/**
 * A live event is only for users who are connected now, and of no use a minute later. It is kept in no inbox, and one caused by a
 * command at QoS 0 is not stored at all.
 */
export interface Live {
  /**
   * The pace: least milliseconds between two such events to one user, whoever causes them; 0 for no pace. With a pace the
   * command is refused `offline` when none of the receivers is connected, and `rate_limited` when too many events wait for each
   * of them. Its other events go out all the same, and its later commands are then sent at once.
   */
  readonly everyMs: number
  /**
   * A word for a kind of state. Of the events with this word about one user (their `user_id`) only the latest counts: one that
   * comes before the pace allows it replaces the one that waits. No command is refused then.
   */
  readonly latest?: string
}

/**
 * An event that anyone can cause to anyone, like a contact request. When a user's room for kept events is full, such events are
 * dropped first, so that strangers never push out events from people whom the user knows.
 */
export interface FromStrangers {
  readonly fromStrangers: true
}

/**
 * An event that wakes a sleeping device. When it is kept for a user none of whose devices is connected, the broker sends the internal
 * commands declared with `push`, with these of its fields. What they hand on leaves the platform, so name ids, and no content.
 */
export interface Waking {
  readonly wakes: readonly string[]
}

/** An event as a value, without its receivers. */
export interface EventValue<Name extends string = string> {
  readonly event: Name
  readonly fields: Record<string, unknown>
}

/**
 * Declares an event by its name and the fields that its receivers get.
 * @throws {RangeError} when the name is not snake_case, or the broker fills in one of the fields: `event`, `event_seq`, `re`, `at`
 */
export function event<const Name extends string, Shape extends z.ZodRawShape>(
  name: Name,
  shape: Shape & { [Field in (typeof ENVELOPE)[number]]?: never },
  how?: Live | FromStrangers | Waking | (FromStrangers & Waking),
): EventType<Name, Shape> {
  if (!isWord(name)) throw new RangeError(`event ${name}: the name must be snake_case, at most 64 characters`)
  const taken = ENVELOPE.find((field) => Object.hasOwn(shape, field))
  if (taken !== undefined) throw new RangeError(`event ${name}: the broker fills in the field ${taken}; rename it`)
  const schema = z.strictObject<Shape>(shape)
  const make = (fields: z.input<typeof schema>): EventValue<Name> => ({ event: name, fields: schema.parse(fields) })
  const fromStrangers = how !== undefined && 'fromStrangers' in how
  const live = how !== undefined && 'everyMs' in how ? how : undefined
  const wakes = how !== undefined && 'wakes' in how ? how.wakes : undefined
  const strange = wakes?.find((field) => !Object.hasOwn(shape, field))
  if (strange !== undefined)
    throw new RangeError(`event ${name}: wakes names the field ${strange}, which it does not have`)
  return Object.assign(make, { event: name, schema, live, fromStrangers, wakes })
}
