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
import type { Capability, Command, Effects, HandlerSettings, LaterValue } from './command.ts'
import { inTime, TimedOut } from './time-limit.ts'

/** What one process builds once and hands to its handlers. */
export interface Workshop {
  store: Store
  settings: HandlerSettings
  log: Logger
  /** Each builder's product, made at its first use at the latest. */
  built: Map<Capability, unknown>
  /** The attempts that run: a process that stops aborts them. */
  running: Set<Attempt>
  /** The process is told to stop: what fails now is no fault of the command. */
  isStopping: boolean
}

export function openWorkshop(store: Store, settings: HandlerSettings, log: Logger): Workshop {
  return { store, settings, log, built: new Map(), running: new Set(), isStopping: false }
}

/** Milliseconds between two looks whether the store is ready. */
const PAUSE = 500

/**
 * Builds all that these commands use, and waits until the store is ready for it and they are prepared, which may be long with
 * many documents.
 * @throws when what is stored does not fit or is damaged: no command would succeed
 */
export async function equip(commands: Iterable<Command>, shop: Workshop): Promise<void> {
  for (;;) {
    try {
      for (const command of commands) capabilities(command, shop)
      await shop.store.ready()
      for (const product of shop.built.values()) await prepared(product)
      return
    } catch (err) {
      if (!(err instanceof Unavailable) || err instanceof Damaged) throw err
      shop.log.info({ reason: err.message }, 'the store is not ready yet')
      await pause(PAUSE)
    }
  }
}

async function prepared(product: unknown): Promise<void> {
  if (typeof product !== 'object' || product === null || !('prepare' in product)) return
  if (typeof product.prepare === 'function') await product.prepare()
}

/** Runs one attempt of a command and says how it ended. Never rejects: the one place where a handler's errors are caught. */
export async function execute(
  name: string,
  command: Command,
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
      log.info({ reason: error.message }, 'put off, as the process is stopping')
      return { ...delivery, outcome: 'retry', code: 'unavailable', reason: 'its process is stopping' }
    }
    if (err instanceof TimedOut) log.error({ timeoutMs: command.timeoutMs }, 'the handler took too long')
    else if (err instanceof Unavailable && err.isTold) log.debug({ reason: err.message }, 'put off')
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

function capabilities(command: Command, { built, store, settings }: Workshop): Record<string, unknown> {
  const made: Record<string, unknown> = {}
  for (const [name, build] of Object.entries(command.uses)) {
    if (!built.has(build)) built.set(build, build(store, settings))
    made[name] = built.get(build)
  }
  return made
}

/** @throws {Refusal} `bad_payload`, and an error that says so for what the broker itself has sent */
function inputOf({ input, internal }: Command, payload: Uint8Array): unknown {
  try {
    return parseInput(input, parseJsonObject(payload))
  } catch (err) {
    if (!internal || !(err instanceof Refusal)) throw err
    throw new Error(`the stored input does not fit the command: ${faultsOf(err)}`, { cause: err })
  }
}

function faultsOf({ message, fields }: Refusal): string {
  return fields
    ? Object.entries(fields)
        .map((one) => one.join(': '))
        .join('; ')
    : message
}

/** @throws {Error} when the effects are not what the command declares: then the attempt has failed */
function endOf(command: Command, returned: Effects | undefined, stamp: Stamp) {
  const { reply, refusal, notify = [], later, forget } = returned ?? {}
  const isAnswered = reply !== undefined || refusal !== undefined
  if (command.replyTo !== 'nobody' && !isAnswered) throw new Error('the handler returned neither a reply nor a refusal')
  if (command.replyTo === 'nobody' && isAnswered) throw new Error('the handler returned an answer, and declares none')
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

/** A value that `later` made has checked its own input already; one that was written by hand, or changed since, has not. */
function scheduled(declared: Command, afterMs: number, { command, input }: LaterValue): LaterCommands[number] {
  const type = declared.later.get(command)
  if (!type) throw new Error(`later: the handler does not declare the command ${command}`)
  type.input.strict().parse(input)
  if (!(Number.isInteger(afterMs) && afterMs >= 0 && afterMs <= MAX_LATER)) {
    throw new RangeError(`later: ${command} after ${afterMs} ms; it must be 0 to ${MAX_LATER}, a whole number`)
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
