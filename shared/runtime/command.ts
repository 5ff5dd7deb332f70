import type { Logger } from 'pino'
import { z } from 'zod'
import type { Store } from '../store/documents.ts'
import { OWN_FIELDS } from '../wire/input.ts'
import type { Refusal } from '../wire/refusal.ts'
import { userIdField, type UserId } from '../wire/user-id.ts'
import type { EventType } from './event.ts'
import type { HandlerSettings } from './handler-settings.ts'
import type { LaterType } from './later.ts'

export { event, type EventType, type EventValue, type Live } from './event.ts'
export { later, type LaterType, type LaterValue } from './later.ts'
export type { HandlerSettings }

/** A field that holds a user id in its canonical spelling. */
export const userId = userIdField.meta({ type: 'string', description: 'a user id' })

type AnyEvents = Record<string, EventType<string, any>> // oxlint-disable-line no-explicit-any -- any shape will do
type AnyLater = Record<string, LaterType<string, any>> // oxlint-disable-line no-explicit-any -- any shape will do
type ValueOf<Types extends Record<string, (...given: never[]) => unknown>> = keyof Types extends never
  ? 'none is declared'
  : { [K in keyof Types]: ReturnType<Types[K]> }[keyof Types]

/** What a command does outside its store, besides its answer. */
export interface SideEffects<Events extends AnyEvents, Later extends AnyLater> {
  notify?: ReadonlyArray<readonly [to: UserId | readonly UserId[], event: ValueOf<Events>]>
  /** Commands that the broker sends in the caller's name after a delay in milliseconds, at most 30 days. */
  later?: ReadonlyArray<readonly [afterMs: number, command: ValueOf<Later>]>
  /** Earlier events to be removed from all inboxes: those of these kinds in which the field has this value. */
  forget?: ReadonlyArray<{
    readonly events: readonly Pick<EventType, 'event'>[]
    readonly field: string
    readonly value: string
  }>
}

/** The effects of a command with an answer: a reply, or a refusal that comes with a change. */
export type ReplyOrRefusal<Events extends AnyEvents, Later extends AnyLater> = SideEffects<Events, Later> &
  ({ refusal: Refusal; reply?: never } | { reply: ValueOf<Events>; refusal?: never })

/** The effects of a command without a reply. The compiler shows these texts when there is one. */
export interface NoReply<Events extends AnyEvents, Later extends AnyLater> extends SideEffects<Events, Later> {
  reply?: "no reply: the declaration says replyTo: 'nobody' or internal"
  refusal?: "no refusal: the declaration says replyTo: 'nobody' or internal; throw refuse(…) instead"
}

/** The effects as the runtime gets them, not checked yet. */
export interface Effects extends SideEffects<AnyEvents, AnyLater> {
  reply?: ValueOf<AnyEvents>
  refusal?: Refusal
}

/**
 * Builds something that handlers use from the store, once per process: `uses: { contacts: contactBook }`. If the result has a
 * method `prepare`, the group's first command waits until that has resolved.
 */
export type Capability = (store: Store, settings: HandlerSettings) => unknown
type Built<Uses extends Record<string, Capability>> = { [K in keyof Uses]: ReturnType<Uses[K]> }

/** What a handler gets besides its input. */
export interface Context {
  /** The sender, as the broker stamped it. */
  from: {
    user: UserId
    client: string
    /** The user's clients that are connected now, for a command that declares `seesClients`; else empty. */
    clients: ReadonlySet<string>
  }
  /**
   * `id` is unique to the command and the same at every attempt. `order` is greater than that of every command which the user
   * sent before: a change with a smaller one than the user's last comes from a process that was cut off, and must be dropped.
   * `at` is when the broker accepted the command.
   */
  command: { id: string; attempt: number; order: number; at: Date }
  log: Logger
  /** Aborted at the time limit, and when the process is told to stop. */
  signal: AbortSignal
}

/** A command as its changes in the store remember it, so that each is made once. */
export type CommandRef = Readonly<Pick<Context['command'], 'id' | 'order' | 'at'>>

export interface Declaration<
  Shape extends z.ZodRawShape,
  Events extends AnyEvents,
  Uses extends Record<string, Capability>,
  Later extends AnyLater,
  Internal extends InternalUse | undefined,
  To extends ReplyTo,
> {
  /** The command's fields. Others are refused. */
  input: z.ZodObject<Shape>
  /**
   * Every event that the command may cause. The group's key may publish these and no others. The first is its answer, unless
   * `replies` says more.
   */
  events: Events
  /**
   * The events that may answer it, if they are not just the first. Clients get the answer's type from this, so a reply by any other
   * event fails the attempt.
   */
  replies?: readonly (keyof Events & string)[]
  /** More that `run` gets: name to builder. */
  uses?: Uses
  /** Commands of its group that it may schedule. */
  later?: Later
  /**
   * Only the broker sends the command, in a user's name: for devices it does not exist, and nobody waits for an answer.
   * `presence`: when the user comes online or goes offline, with `{ online }`; `later`: when another command has scheduled it;
   * `push`: when an event that `wakes` is kept for a user none of whose devices is connected, with
   * `{ event, event_seq, sent_at, fields }`.
   */
  internal?: Internal
  /** The name of the setting without which the broker does not send this internal command. */
  needs?: string
  /**
   * Who gets the reply, or the refusal in its place. Default `user`.
   * - `user`: all of the sender's devices, and the inbox keeps it for them.
   * - `client`: only the asking client, and no inbox keeps it: for a command that changes nothing, or whose reply holds a secret.
   *   When the device sends the same id again, the command runs again, with the same `command.id`.
   * - `nobody`: there is no reply, as for a typing sign. A refusal still goes to all of the sender's devices.
   */
  replyTo?: To
  /** `false` when this command need not wait for the same user's other commands. Default true. */
  ordered?: boolean
  /** `true` when the command needs to know which of its sender's clients are connected. Default false. */
  seesClients?: boolean
  /** Milliseconds for one attempt, 10 to 600,000. Default 30,000, which leaves room for a slow database. */
  timeoutMs?: number
  /** Attempts before the command goes to the dead letters, 1 to 5. Default 5. */
  attempts?: number
  /**
   * Changes the store, then returns the effects. When the same command is redelivered (after a crash, or a lost connection) it
   * must find its own change by `command.id` and return the same effects.
   * @throws {Refusal} made by `refuse`, to answer `command_rejected`; in an internal command it is an error like any other
   * @throws {Unavailable} when something it needs is not there: retried without counting the attempt. Any other error fails the attempt
   */
  run(
    input: z.output<z.ZodObject<Shape>>,
    context: Context & Built<Uses>,
  ): Awaitable<Internal extends InternalUse ? NoReply<Events, Later> : Returned<To, Events, Later>>
}

type InternalUse = 'presence' | 'later' | 'push'
type ReplyTo = 'user' | 'client' | 'nobody'
type Awaitable<Value> = Value | Promise<Value>
type Returned<To extends ReplyTo, Events extends AnyEvents, Later extends AnyLater> = To extends 'nobody'
  ? NoReply<Events, Later>
  : ReplyOrRefusal<Events, Later>

/** A declared command, with defaults filled in. */
export interface DeclaredCommand {
  readonly input: z.ZodObject
  readonly events: ReadonlyMap<string, EventType>
  /** Names of the events that may answer it. */
  readonly replies: ReadonlySet<string>
  readonly uses: Readonly<Record<string, Capability>>
  /** By command name. */
  readonly later: ReadonlyMap<string, LaterType>
  readonly internal: InternalUse | undefined
  readonly needs: string | undefined
  readonly replyTo: ReplyTo
  readonly ordered: boolean
  readonly seesClients: boolean
  readonly timeoutMs: number
  readonly attempts: number
  run(input: unknown, context: Context & Record<string, unknown>): Promise<Effects> | Effects
}

/** A declared command, with what its declaration says for the types of those who call it: its tests. */
export interface Declared<Input, Events extends AnyEvents, Internal> extends DeclaredCommand {
  /** Never there at run time. */
  readonly declares?: { readonly input: Input; readonly events: Events; readonly internal: Internal }
}

/** The names that `run` gets anyway: see `Context`. */
const CONTEXT_NAMES = ['from', 'command', 'log', 'signal']

const declared = new WeakSet<object>()

/**
 * Declares a command: the default export of `handlers/<group>/<command>.ts`.
 * @throws {RangeError} when a limit is out of bounds, a name is the platform's own, or `replies` names no declared event
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
  if (taken !== undefined) throw new RangeError(`input: ${taken} is already a field of every command; rename yours`)
  const hidden = CONTEXT_NAMES.find((name) => Object.hasOwn(declaration.uses ?? {}, name))
  if (hidden !== undefined) throw new RangeError(`uses: every handler gets ${hidden} already; rename yours`)
  const made: DeclaredCommand = {
    input: declaration.input.strict() as unknown as z.ZodObject, // oxlint-disable-line typescript/no-unnecessary-type-assertion -- zod's shape is invariant
    events: new Map(Object.values(declaration.events).map((type) => [type.event, type])),
    replies: repliesOf(declaration.events, declaration.replies),
    uses: declaration.uses ?? {},
    later: new Map(Object.values<LaterType>(declaration.later ?? {}).map((type) => [type.command, type])),
    internal,
    needs: declaration.needs,
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

/** The names of the events that may answer: those of these keys, else the first of all. */
function repliesOf(events: AnyEvents, keys: readonly string[] = Object.keys(events).slice(0, 1)): ReadonlySet<string> {
  const unknown = keys.find((key) => !Object.hasOwn(events, key))
  if (unknown !== undefined) throw new RangeError(`replies: ${unknown} is not among \`events\``)
  return new Set(keys.map((key) => events[key]!.event))
}

/** Tells whether a module's default export was made by `command`. */
export function isCommand(value: unknown): value is DeclaredCommand {
  return typeof value === 'object' && value !== null && declared.has(value)
}
