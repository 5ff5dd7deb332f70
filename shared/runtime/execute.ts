import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '../log.ts'
import type { Store } from '../store/documents.ts'
import { MAX_REASON, type Done, type OutgoingEvent } from '../wire/done.ts'
import { parseInput } from '../wire/input.ts'
import { parseJsonObject } from '../wire/json.ts'
import { Refusal, Unavailable } from '../wire/refusal.ts'
import type { Stamp } from '../wire/stamp.ts'
import type { Capability, Command, Effects, HandlerSettings } from './command.ts'

/** What one process builds once and hands to its handlers. */
export interface Workshop {
  store: Store
  settings: HandlerSettings
  log: Logger
  /** Each builder's product, made at its first use at the latest. */
  built: Map<Capability, unknown>
}

/** Milliseconds between two looks whether the store is ready. */
const PAUSE = 500

/**
 * Builds all that these commands use, and waits until the store is ready for it, which may be long with many documents.
 * @throws when what is stored does not fit: no command would succeed
 */
export async function equip(commands: Iterable<Command>, shop: Workshop): Promise<void> {
  for (;;) {
    try {
      for (const command of commands) capabilities(command, shop)
      return await shop.store.ready()
    } catch (err) {
      if (!(err instanceof Unavailable)) throw err
      shop.log.info({ reason: err.message }, 'the store is not ready yet')
      await pause(PAUSE)
    }
  }
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
  const log = shop.log.child({ command: name, id: delivery.command, attempt: delivery.attempt })
  const abort = new AbortController()
  let timer: NodeJS.Timeout | undefined
  try {
    const input = parseInput(command.input, parseJsonObject(payload))
    const context = {
      ...capabilities(command, shop),
      from: { user: stamp['user-id'], client: stamp['client-id'] },
      command: { id: delivery.command, attempt: delivery.attempt, order: stamp.order, at: new Date(stamp.at) },
      log,
      signal: abort.signal,
    }
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new TimedOut()), command.timeoutMs)
    })
    const began = performance.now()
    const effects = await Promise.race([command.run(input, context), late])
    if (performance.now() - began > command.timeoutMs) throw new TimedOut() // the process stood still, and its timer with it
    return { ...delivery, ...endOf(effects, stamp) }
  } catch (err) {
    if (err instanceof Refusal) return { ...delivery, outcome: 'refused', ...refusalParts(err) }
    if (err instanceof TimedOut) log.error({ timeoutMs: command.timeoutMs }, 'the handler took too long')
    else if (err instanceof Unavailable && err.isTold) log.debug({ reason: err.message }, 'put off')
    else log.error({ err }, 'the handler failed')
    const reason = err instanceof Unavailable ? { reason: err.message.slice(0, MAX_REASON).toWellFormed() } : {}
    return { ...delivery, outcome: 'retry', code: codeOf(err), ...reason }
  } finally {
    clearTimeout(timer)
    abort.abort()
  }
}

class TimedOut extends Error {}

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

function endOf({ reply, refusal, notify = [], later }: Effects<Record<never, never>>, stamp: Stamp) {
  const all = notify as ReadonlyArray<readonly [OutgoingEvent['to'], Omit<OutgoingEvent, 'to'>]>
  const events = all.map(([to, { event, fields }]) => ({ to, event, fields }))
  const more = later && {
    later: later.map(([after_ms, command, input]) => ({ after_ms, command, input: { ...input } })),
  }
  if (refusal) return { outcome: 'refused' as const, ...refusalParts(refusal), events, ...more }
  const answer = reply as Omit<OutgoingEvent, 'to'> | undefined
  if (answer) events.unshift({ to: stamp['user-id'], event: answer.event, fields: answer.fields })
  return { outcome: 'done' as const, events, ...more }
}

function refusalParts({ code, message, fields, retryAfterMs }: Refusal) {
  return {
    code,
    message,
    ...(fields && { fields }),
    ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
  }
}
