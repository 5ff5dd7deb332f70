import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '../log.ts'
import type { Store } from '../store/documents.ts'
import {
  MAX_LATER,
  MAX_REASON,
  type Done,
  type Forgotten,
  type LaterCommands,
  type OutgoingEvent,
} from '../wire/done.ts'
import { parseInput } from '../wire/input.ts'
import { parseJsonObject, readJsonObject } from '../wire/json.ts'
import { Damaged, Refusal, Unavailable } from '../wire/refusal.ts'
import type { Stamp } from '../wire/stamp.ts'
import { redacted, tell } from '../wire/told-error.ts'
import { Attempt } from './attempt.ts'
import type { Capability, DeclaredCommand, Effects, HandlerSettings, LaterValue } from './command.ts'
import { inTime, TimedOut } from './time-limit.ts'

/** What a process builds once and hands to its handlers. */
export interface Workshop {
  store: Store
  settings: HandlerSettings
  log: Logger
  /** What each capability builder has built, at its first use at the latest. */
  built: Map<Capability, unknown>
  /** The running attempts: aborted when the process stops. */
  running: Set<Attempt>
  /** The process was told to stop: a failure from now on is no fault of the command. */
  isStopping: boolean
}

export function openWorkshop(store: Store, settings: HandlerSettings, log: Logger): Workshop {
  return { store, settings, log, built: new Map(), running: new Set(), isStopping: false }
}

/** Milliseconds between two checks whether the store is ready. */
const PAUSE = 500

/**
 * Builds all capabilities of these commands, and waits until the store is ready and they are prepared, which may take long with
 * many documents.
 * @throws when the stored data does not fit or is damaged, so that no command could succeed
 */
export async function equip(commands: Iterable<DeclaredCommand>, shop: Workshop): Promise<void> {
  for (;;) {
    try {
      for (const command of commands) capabilities(command, shop)
      await shop.store.ready()
      for (const product of shop.built.values()) await prepared(product)
      return
    } catch (err) {
      if (!(err instanceof Unavailable) || err instanceof Damaged) throw err
      shop.log.info({ reason: err.message }, 'waiting for the store to become ready')
      await pause(PAUSE)
    }
  }
}

async function prepared(product: unknown): Promise<void> {
  if (typeof product !== 'object' || product === null || !('prepare' in product)) return
  if (typeof product.prepare === 'function') await product.prepare()
}

/** Runs one attempt of a command and resolves with how it ended. Never rejects: handlers' errors are caught only here. */
export async function execute(
  name: string,
  command: DeclaredCommand,
  payload: Uint8Array,
  stamp: Stamp,
  shop: Workshop,
): Promise<Done> {
  const delivery = { command: stamp['command-id'], attempt: stamp.attempt }
  const attempt = new Attempt(name, stamp, shop.log)
  shop.running.add(attempt)
  if (shop.isStopping) Attempt.abort(attempt)
  try {
    const input = inputOf(command, payload)
    const context = Object.assign(attempt, capabilities(command, shop))
    const effects = await inTime(command.timeoutMs, () => command.run(input, context))
    return { ...delivery, ...endOf(command, effects, stamp) }
  } catch (err) {
    if (err instanceof Refusal && !command.internal) return { ...delivery, outcome: 'refused', ...refusalParts(err) }
    Attempt.abort(attempt)
    const { log } = attempt
    const error = tell(err, readJsonObject(payload))
    if (shop.isStopping && !(err instanceof TimedOut || err instanceof Unavailable)) {
      log.info({ reason: error.message }, 'attempt postponed: the process is stopping')
      return { ...delivery, outcome: 'retry', code: 'unavailable', reason: 'the handler process is stopping' }
    }
    if (err instanceof TimedOut) log.error({ timeoutMs: command.timeoutMs }, 'the handler exceeded its time limit')
    else if (err instanceof Unavailable && err.isTold) log.debug({ reason: err.message }, 'attempt postponed')
    else log.error({ err: error }, 'the handler failed')
    const reason =
      err instanceof Unavailable
        ? {
            reason: redacted(err.message).slice(0, MAX_REASON).toWellFormed(),
            ...(err instanceof Damaged && { damaged: true }),
          }
        : { error }
    return { ...delivery, outcome: 'retry', code: codeOf(err), ...reason }
  } finally {
    shop.running.delete(attempt)
  }
}

function codeOf(err: unknown): 'timeout' | 'unavailable' | 'internal' {
  if (err instanceof TimedOut) return 'timeout'
  return err instanceof Unavailable ? 'unavailable' : 'internal'
}

function capabilities(command: DeclaredCommand, { built, store, settings }: Workshop): Record<string, unknown> {
  const made: Record<string, unknown> = {}
  for (const [name, build] of Object.entries(command.uses)) {
    if (!built.has(build)) built.set(build, build(store, settings))
    made[name] = built.get(build)
  }
  return made
}

/** @throws {Refusal} `bad_payload`; for an internal command, an error that names the faults */
function inputOf({ input, internal }: DeclaredCommand, payload: Uint8Array): unknown {
  try {
    return parseInput(input, parseJsonObject(payload))
  } catch (err) {
    if (!internal || !(err instanceof Refusal)) throw err
    throw new Error(`the stored input does not match the command's schema: ${faultsOf(err)}`, { cause: err })
  }
}

function faultsOf({ message, fields }: Refusal): string {
  return fields
    ? Object.entries(fields)
        .map((one) => one.join(': '))
        .join('; ')
    : message
}

/** @throws {Error} when the effects are not what the command declares, which fails the attempt */
function endOf(command: DeclaredCommand, returned: Effects | undefined, stamp: Stamp) {
  const { reply, refusal, notify = [], later, forget } = returned ?? {}
  const isAnswered = reply !== undefined || refusal !== undefined
  if (command.replyTo !== 'nobody' && !isAnswered)
    throw new Error("the handler returned neither a reply nor a refusal; return one, or declare replyTo: 'nobody'")
  if (command.replyTo === 'nobody' && isAnswered)
    throw new Error('the handler returned a reply or refusal, but declares that nobody gets one')
  if (reply && !command.replies.has(reply.event))
    throw new Error(
      `the handler replied with ${reply.event}, but declares ${[...command.replies].join(', ')}; add it to \`replies\``,
    )
  const events: OutgoingEvent[] = notify.map(([to, { event, fields }]) => {
    return { to: typeof to === 'string' ? to : [...to], event, fields }
  })
  const more = later && { later: later.map(([afterMs, value]) => scheduled(command, afterMs, value)) }
  if (refusal) return { outcome: 'refused' as const, ...refusalParts(refusal), events, ...more }
  if (reply) events.unshift({ to: stamp['user-id'], event: reply.event, fields: reply.fields })
  return { outcome: 'done' as const, events, ...more, ...(forget && { forget: forget.map(namedEvents) }) }
}

function namedEvents({ events, field, value }: NonNullable<Effects['forget']>[number]): Forgotten {
  return { events: events.map(({ event }) => event), field, value }
}

/** Checks the input here, too: a value may have been written by hand, or changed since `later` made it. */
function scheduled(declared: DeclaredCommand, afterMs: number, { command, input }: LaterValue): LaterCommands[number] {
  const type = declared.later.get(command)
  if (!type) throw new Error(`later: the command ${command} is not declared; add it to the handler's \`later\``)
  type.input.strict().parse(input)
  if (!(Number.isInteger(afterMs) && afterMs >= 0 && afterMs <= MAX_LATER)) {
    throw new RangeError(`later: ${command} after ${afterMs} ms: the delay must be an integer from 0 to ${MAX_LATER}`)
  }
  return { after_ms: afterMs, command, input }
}

function refusalParts({ code, message, fields, retryAfterMs }: Refusal) {
  return {
    code,
    message,
    ...(fields && { fields }),
    ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
  }
}
