import { z } from 'zod'
import { ENVELOPE, isWord } from '../wire/topic.ts'

/** Builds an event's value: `contact_added({ user_id })`. Its name and its shape are what clients are promised. */
export interface EventType<Name extends string = string, Shape extends z.ZodRawShape = z.ZodRawShape> {
  (fields: z.input<z.ZodObject<Shape>>): EventValue<Name>
  readonly event: Name
  readonly schema: z.ZodObject<Shape>
  readonly live: Live | undefined
  readonly fromStrangers: boolean
}

/**
 * An event for those who are connected now, and of no use a minute later: nobody finds it in his inbox, and caused at QoS 0 it
 * is stored nowhere.
 */
export interface Live {
  /**
   * Milliseconds between two to one user, at least, whoever causes them: 0, as they come. With a pace its command is answered
   * `offline` instead when none of those it is for is there, and `rate_limited` when too much waits for each of them; its other
   * events go out all the same, and what it leaves for later is done at once.
   */
  readonly everyMs: number
  /**
   * Instead: of the events with this word that are about one user, their `user_id`, only the latest counts. One that comes to a
   * receiver before the pace is over waits in the place of what waited before, and no command is refused for it.
   */
  readonly latest?: string
}

/**
 * An event that anybody can cause to anybody, as a contact request is. Where what is kept for a user is full, such events go first, so
 * that strangers never push out what those have sent whom the user knows.
 */
export interface FromStrangers {
  readonly fromStrangers: true
}

/** An event as a value: what happened, not yet to whom. */
export interface EventValue<Name extends string = string> {
  readonly event: Name
  readonly fields: Record<string, unknown>
}

/**
 * Declares an event by its name and the fields its receivers get.
 * @throws {RangeError} when the name is not snake_case, or a field is one that the broker fills in: `event`, `event_seq`, `re`, `at`
 */
export function event<const Name extends string, Shape extends z.ZodRawShape>(
  name: Name,
  shape: Shape & { [Field in (typeof ENVELOPE)[number]]?: never },
  how?: Live | FromStrangers,
): EventType<Name, Shape> {
  if (!isWord(name)) throw new RangeError(`event ${name}: a name is snake_case, at most 64 characters`)
  const taken = ENVELOPE.find((field) => Object.hasOwn(shape, field))
  if (taken !== undefined) throw new RangeError(`event ${name}: the broker fills in the field ${taken}; rename it`)
  const schema = z.strictObject<Shape>(shape)
  const make = (fields: z.input<typeof schema>): EventValue<Name> => ({ event: name, fields: schema.parse(fields) })
  const fromStrangers = how !== undefined && 'fromStrangers' in how
  const live = how !== undefined && 'everyMs' in how ? how : undefined
  return Object.assign(make, { event: name, schema, live, fromStrangers })
}
