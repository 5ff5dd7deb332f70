import type { Logger } from 'pino'
import { z } from 'zod'
import type { Store } from '../store/documents.ts'
import type { Refusal } from '../wire/refusal.ts'
import { isUserId, type UserId } from '../wire/user-id.ts'
import type { HandlerSettings } from './handler-settings.ts'

export type { HandlerSettings }

/** Builds an event's value: `contact_added({ user_id })`. Its name and its shape are what clients are promised. */
export interface EventType<Name extends string = string, Shape extends z.ZodRawShape = z.ZodRawShape> {
  (fields: z.input<z.ZodObject<Shape>>): EventValue<Name>
  readonly event: Name
  readonly schema: z.ZodObject<Shape>
  readonly live: Live | undefined
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
}

/** An event as a value: what happened, not yet to whom. */
export interface EventValue<Name extends string = string> {
  readonly event: Name
  readonly fields: Record<string, unknown>
}

/** Declares an event by its name and the fields its receivers get. */
export function event<const Name extends string, Shape extends z.ZodRawShape>(
  name: Name,
  shape: Shape,
  live?: Live,
): EventType<Name, Shape> {
  const schema = z.strictObject(shape) as z.ZodObject<Shape>
  const make = (fields: z.input<typeof schema>): EventValue<Name> => ({ event: name, fields: schema.parse(fields) })
  return Object.assign(make, { event: name, schema, live })
}

/** A field that names a user, in the canonical spelling of user ids. */
export const userId = z.custom<UserId>(isUserId, 'is no user id').meta({ type: 'string', description: 'a user id' })

type AnyEvents = Record<string, EventType<string, any>> // oxlint-disable-line no-explicit-any -- any shape will do
type ValueOf<Events extends AnyEvents> = { [K in keyof Events]: ReturnType<Events[K]> }[keyof Events]

/** What a command does to the world outside its store: the caller's answer, and events to others. */
export interface Effects<Events extends AnyEvents> {
  reply?: ValueOf<Events>
  /** Instead of a reply: what was changed stands, but the caller is told this. */
  refusal?: Refusal
  notify?: ReadonlyArray<readonly [to: UserId | readonly UserId[], event: ValueOf<Events>]>
  /** Commands that the broker sends in the caller's name after so many milliseconds: `internal: 'later'` ones. */
  later?: ReadonlyArray<readonly [afterMs: number, command: string, input: object]>
}

/** Builds what a handler works with out of the store, once per process: `uses: { contacts: contactBook }`. */
export type Capability = (store: Store, settings: HandlerSettings) => unknown
type Built<Uses extends Record<string, Capability>> = { [K in keyof Uses]: ReturnType<Uses[K]> }

/** What a handler is told besides its input. */
export interface Context {
  /** The sender, as the broker stamped it. */
  from: { user: UserId; client: string }
  /**
   * `id` is the same at every attempt of the same command, and never that of another. `order` is greater than that of every
   * command which the user sent before: a change that bears a smaller one than his last comes from a process that was cut
   * off, and must be left. `at` is when the broker took the command.
   */
  command: { id: string; attempt: number; order: number; at: Date }
  log: Logger
  /** Aborted at the time limit and when the process must stop. */
  signal: AbortSignal
}

export interface Declaration<
  Shape extends z.ZodRawShape = z.ZodRawShape,
  Events extends AnyEvents = AnyEvents,
  Uses extends Record<string, Capability> = Record<string, Capability>,
> {
  /** The command's fields. Fields that are not named here are refused. */
  input: z.ZodObject<Shape>
  /** Every event the command may cause: its group's key may publish these and no others. */
  events: Events
  /** What `run` gets besides: name to builder. */
  uses?: Uses
  /**
   * The broker alone sends it, in a user's name; to devices there is no such command, and nobody waits for its answer.
   * `presence`: when he has come or gone, `{ online }`; `later`: when another command has asked for it.
   */
  internal?: 'presence' | 'later'
  /** `false` when one user's commands of this name need not wait for each other. Default true. */
  ordered?: boolean
  /** Milliseconds for one attempt, 10 to 600,000. Default 30,000: a database that takes 2 s an operation is slow, and no fault of the command. */
  timeoutMs?: number
  /** Attempts before the command is dead, 1 to 5. Default 5. */
  attempts?: number
  /**
   * Changes the store, then returns the effects. When the same command comes again (after a crash, or a lost connection) it
   * must find its own change by `command.id` and return the same effects.
   * @throws {Refusal} made by `refuse`, to answer `command_rejected`
   * @throws {Unavailable} what it needs is not there: tried again without counting; anything else is an attempt that failed
   */
  run(input: z.output<z.ZodObject<Shape>>, context: Context & Built<Uses>): Promise<Effects<Events>> | Effects<Events>
}

/** A declared command, its defaults filled in. */
export interface Command {
  readonly input: z.ZodObject
  readonly events: ReadonlyMap<string, EventType>
  readonly uses: Readonly<Record<string, Capability>>
  readonly internal: 'presence' | 'later' | undefined
  readonly ordered: boolean
  readonly timeoutMs: number
  readonly attempts: number
  run(input: unknown, context: Context & Record<string, unknown>): Promise<Effects<AnyEvents>> | Effects<AnyEvents>
}

const declared = new WeakSet<object>()

/**
 * Declares a command: the default export of `handlers/<group>/<command>.ts`.
 * @throws {RangeError} when a limit is out of bounds
 */
export function command<
  Shape extends z.ZodRawShape,
  Events extends AnyEvents,
  Uses extends Record<string, Capability> = Record<never, Capability>,
>(declaration: Declaration<Shape, Events, Uses>): Command {
  const { timeoutMs = 30_000, attempts = 5, ordered = true, internal } = declaration
  if (!(timeoutMs >= 10 && timeoutMs <= 600_000)) throw new RangeError('timeoutMs must be 10 to 600,000')
  if (!(Number.isInteger(attempts) && attempts >= 1 && attempts <= 5)) throw new RangeError('attempts must be 1 to 5')
  const made: Command = {
    input: declaration.input.strict() as unknown as z.ZodObject, // oxlint-disable-line typescript/no-unnecessary-type-assertion -- zod's shape is invariant
    events: new Map(Object.values(declaration.events).map((type) => [type.event, type])),
    uses: declaration.uses ?? {},
    internal,
    ordered,
    timeoutMs,
    attempts,
    run: (input, context) => declaration.run(input as never, context as never) as ReturnType<Command['run']>,
  }
  declared.add(made)
  return made
}

/** Tells whether a module's default export was made by `command`. */
export function isCommand(value: unknown): value is Command {
  return typeof value === 'object' && value !== null && declared.has(value)
}
