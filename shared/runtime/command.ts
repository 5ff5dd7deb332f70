import type { Logger } from 'pino'
import { z } from 'zod'
import type { Store } from '../store/documents.ts'
import { OWN_FIELDS } from '../wire/input.ts'
import type { Refusal } from '../wire/refusal.ts'
import { isUserId, type UserId } from '../wire/user-id.ts'
import type { EventType } from './event.ts'
import type { HandlerSettings } from './handler-settings.ts'
import type { LaterType } from './later.ts'

export { event, type EventType, type EventValue, type Live } from './event.ts'
export { later, type LaterType, type LaterValue } from './later.ts'
export type { HandlerSettings }

/** A field that names a user, in the canonical spelling of user ids. */
export const userId = z.custom<UserId>(isUserId, 'is no user id').meta({ type: 'string', description: 'a user id' })

type AnyEvents = Record<string, EventType<string, any>> // oxlint-disable-line no-explicit-any -- any shape will do
type AnyLater = Record<string, LaterType<string, any>> // oxlint-disable-line no-explicit-any -- any shape will do
type ValueOf<Types extends Record<string, (...given: never[]) => unknown>> = keyof Types extends never
  ? 'none is declared'
  : { [K in keyof Types]: ReturnType<Types[K]> }[keyof Types]

/** What a command does to the world outside its store, besides its answer. */
export interface SideEffects<Events extends AnyEvents, Later extends AnyLater> {
  notify?: ReadonlyArray<readonly [to: UserId | readonly UserId[], event: ValueOf<Events>]>
  /** Commands that the broker sends in the caller's name after so many milliseconds, at most 30 days. */
  later?: ReadonlyArray<readonly [afterMs: number, command: ValueOf<Later>]>
  /**
   * What inboxes tell no more: of these events, all of before, those in which the field has this value. What is caused now is
   * not meant.
   */
  forget?: ReadonlyArray<{
    readonly events: readonly Pick<EventType, 'event'>[]
    readonly field: string
    readonly value: string
  }>
}

/** The effects of a command whose sender waits for one answer: a reply, or a refusal though something was changed. */
export type ReplyOrRefusal<Events extends AnyEvents, Later extends AnyLater> = SideEffects<Events, Later> &
  ({ refusal: Refusal; reply?: never } | { reply: ValueOf<Events>; refusal?: never })

/** The effects of a command that has no reply. The texts are for the compiler to show when there is one all the same. */
export interface NoReply<Events extends AnyEvents, Later extends AnyLater> extends SideEffects<Events, Later> {
  reply?: "no reply: the declaration says replyTo: 'nobody' or internal"
  refusal?: "no refusal: the declaration says replyTo: 'nobody' or internal; throw refuse(…) instead"
}

/** Any of these, as the runtime gets them: nothing of it is sure. */
export interface Effects extends SideEffects<AnyEvents, AnyLater> {
  reply?: ValueOf<AnyEvents>
  refusal?: Refusal
}

/**
 * Builds what a handler works with out of the store, once per process: `uses: { contacts: contactBook }`. Where it has a method
 * `prepare`, the group's first command waits until that has resolved.
 */
export type Capability = (store: Store, settings: HandlerSettings) => unknown
type Built<Uses extends Record<string, Capability>> = { [K in keyof Uses]: ReturnType<Uses[K]> }

/** What a handler is told besides its input. */
export interface Context {
  /** The sender, as the broker stamped it. */
  from: {
    user: UserId
    client: string
    /** Clients of the user that are connected now, for a command that declares `seesClients`. */
    clients: ReadonlySet<string>
  }
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

/** A command as the changes that it makes remember it: so that it makes each of them once. */
export type CommandRef = Readonly<Pick<Context['command'], 'id' | 'order' | 'at'>>

export interface Declaration<
  Shape extends z.ZodRawShape,
  Events extends AnyEvents,
  Uses extends Record<string, Capability>,
  Later extends AnyLater,
  Internal extends InternalUse | undefined,
  To extends ReplyTo,
> {
  /** The command's fields. Fields that are not named here are refused. */
  input: z.ZodObject<Shape>
  /** Every event the command may cause: its group's key may publish these and no others. */
  events: Events
  /** What `run` gets besides: name to builder. */
  uses?: Uses
  /** The commands of its group that it may have sent later. */
  later?: Later
  /**
   * The broker alone sends it, in a user's name; to devices there is no such command, and nobody waits for its answer.
   * `presence`: when the user has come or gone, `{ online }`; `later`: when another command has asked for it.
   */
  internal?: Internal
  /**
   * Who gets the reply, and the refusal in its place: `user`, all of the sender's devices, and the inbox keeps it for them;
   * `client`, the asking client alone, and it is kept nowhere else: for a command that changes nothing, or that tells a secret. When
   * the device sends the same id again it runs again, with the same `command.id`. `nobody`: there is no reply, as with a sign that somebody is typing (a refusal is
   * told to all devices). Default `user`.
   */
  replyTo?: To
  /** `false` when one user's commands of this name need not wait for each other. Default true. */
  ordered?: boolean
  /** `true` when it must know which of its sender's clients are connected. Default false. */
  seesClients?: boolean
  /** Milliseconds for one attempt, 10 to 600,000. Default 30,000: a database that takes 2 s an operation is slow, and no fault of the command. */
  timeoutMs?: number
  /** Attempts before the command is dead, 1 to 5. Default 5. */
  attempts?: number
  /**
   * Changes the store, then returns the effects. When the same command comes again (after a crash, or a lost connection) it
   * must find its own change by `command.id` and return the same effects.
   * @throws {Refusal} made by `refuse`, to answer `command_rejected`; of an internal command it is a failure like any other
   * @throws {Unavailable} what it needs is not there: tried again without counting; anything else is an attempt that failed
   */
  run(
    input: z.output<z.ZodObject<Shape>>,
    context: Context & Built<Uses>,
  ): Awaitable<Internal extends InternalUse ? NoReply<Events, Later> : Returned<To, Events, Later>>
}

type InternalUse = 'presence' | 'later'
type ReplyTo = 'user' | 'client' | 'nobody'
type Awaitable<Value> = Value | Promise<Value>
type Returned<To extends ReplyTo, Events extends AnyEvents, Later extends AnyLater> = To extends 'nobody'
  ? NoReply<Events, Later>
  : ReplyOrRefusal<Events, Later>

/** A declared command, its defaults filled in. */
export interface Command {
  readonly input: z.ZodObject
  readonly events: ReadonlyMap<string, EventType>
  readonly uses: Readonly<Record<string, Capability>>
  /** By their commands' names. */
  readonly later: ReadonlyMap<string, LaterType>
  readonly internal: InternalUse | undefined
  /** Who gets its reply. */
  readonly replyTo: ReplyTo
  readonly ordered: boolean
  readonly seesClients: boolean
  readonly timeoutMs: number
  readonly attempts: number
  run(input: unknown, context: Context & Record<string, unknown>): Promise<Effects> | Effects
}

/** A declared command, with what its declaration says for the types of those who call it: its tests. */
export interface Declared<Input, Events extends AnyEvents, Internal> extends Command {
  /** Never there at run time. */
  readonly declares?: { readonly input: Input; readonly events: Events; readonly internal: Internal }
}

/** What every handler is told: see `Context`. */
const TOLD = ['from', 'command', 'log', 'signal']

const declared = new WeakSet<object>()

/**
 * Declares a command: the default export of `handlers/<group>/<command>.ts`.
 * @throws {RangeError} when a limit is out of bounds, or the input has a field that is the platform's
 */
export function command<
  Shape extends z.ZodRawShape,
  Events extends AnyEvents,
  Uses extends Record<string, Capability> = Record<never, Capability>,
  Later extends AnyLater = Record<never, never>,
  Internal extends InternalUse | undefined = undefined,
  To extends ReplyTo = 'user',
>(
  declaration: Declaration<Shape, Events, Uses, Later, Internal, To>,
): Declared<z.input<z.ZodObject<Shape>>, Events, Internal> {
  const { timeoutMs = 30_000, attempts = 5, ordered = true, seesClients = false, internal } = declaration
  if (!(timeoutMs >= 10 && timeoutMs <= 600_000)) throw new RangeError('timeoutMs must be 10 to 600,000')
  if (!(Number.isInteger(attempts) && attempts >= 1 && attempts <= 5)) throw new RangeError('attempts must be 1 to 5')
  const taken = OWN_FIELDS.find((field) => Object.hasOwn(declaration.input.shape, field))
  if (taken !== undefined) throw new RangeError(`input: ${taken} is a field of every command; rename yours`)
  const hidden = TOLD.find((name) => Object.hasOwn(declaration.uses ?? {}, name))
  if (hidden !== undefined) throw new RangeError(`uses: ${hidden} is what every handler is told; rename yours`)
  const made: Command = {
    input: declaration.input.strict() as unknown as z.ZodObject, // oxlint-disable-line typescript/no-unnecessary-type-assertion -- zod's shape is invariant
    events: new Map(Object.values(declaration.events).map((type) => [type.event, type])),
    uses: declaration.uses ?? {},
    later: new Map(Object.values<LaterType>(declaration.later ?? {}).map((type) => [type.command, type])),
    internal,
    replyTo: internal ? 'nobody' : (declaration.replyTo ?? 'user'),
    ordered,
    seesClients,
    timeoutMs,
    attempts,
    run: (input, context) => declaration.run(input as never, context as never) as Effects | Promise<Effects>,
  }
  declared.add(made)
  return made
}

/** Tells whether a module's default export was made by `command`. */
export function isCommand(value: unknown): value is Command {
  return typeof value === 'object' && value !== null && declared.has(value)
}
