import { z } from 'zod'
import type { Logger } from '../../../shared/log.ts'
import { TIME_RULE, timeOfText } from '../../../shared/wire/time.ts'
import type { ToldError } from '../../../shared/wire/told-error.ts'
import { placeOf, type DeadFilter, type DeadLetter, type DeadLetters } from '../../core/queue/dead-letters.ts'
import type { Replays } from '../../core/queue/replays.ts'
import { DEAD_LETTERS } from '../../seam/authority.ts'
import type { Storage } from '../../storage/storage.ts'
import { ApiError, route, type Route } from './route.ts'

export interface DeadLetterPorts {
  storage: Storage
  dead: DeadLetters
  replays: Replays
  /** @returns how many became commands again, and the letters that stay because a command with their id is open */
  replay: (letters: readonly DeadLetter[], replay: string) => Promise<{ revived: number; open: DeadLetter[] }>
  log: Logger
}

/** A letter in an answer. Times are ISO 8601. */
export interface ShownLetter {
  id: string
  command: string
  user: string
  client: string
  group: string
  attempts: number
  code: string
  error?: ToldError
  traceparent: string
  accepted_at: string
  died_at: string
}

/** Letters per transaction. */
const CHUNK = 500
/** Most letters that an answer lists as not replayed, or as meant by a dry run. */
const MAX_NAMED = 100

const time = z.string().transform((text, context) => {
  const at = timeOfText(text)
  if (at !== undefined) return at
  context.addIssue(TIME_RULE)
  return z.NEVER
})
const whole = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number)
const filters = {
  id: z.string().optional(),
  command: z.string().optional(),
  user: z.string().optional(),
  group: z.string().optional(),
  since: time.optional(),
  until: time.optional(),
}
const listed = z.strictObject({
  ...filters,
  after: z
    .string()
    .regex(/^\d{16} .{1,400}$/, 'must be `next` of another answer')
    .optional(),
  limit: whole.pipe(z.int().min(1).max(1_000)).default(100),
})
const shownOne = z.strictObject({ id: z.string(), group: z.string().optional() })
const meant = z
  .strictObject({ ...filters, all: z.boolean().default(false), dry_run: z.boolean().default(false) })
  .refine(({ all, dry_run: _dry, ...filter }) => all || Object.keys(filter).length > 0, 'name a filter, or set all')
const progress = z.strictObject({ replay: z.string(), after: whole.pipe(z.int().min(0)).default(0) })

/** Dead letters: list, show with the payload, replay and drop. Both act on all letters that match the filter. */
export function deadLetterRoutes({ storage, dead, replays, replay, log }: DeadLetterPorts): Route[] {
  const right = DEAD_LETTERS

  async function dropAll(filter: DeadFilter): Promise<{ count: number }> {
    const letters = [...dead.find(filter)]
    for (const chunk of chunks(letters)) {
      await storage.commit((unit) => {
        for (const letter of chunk) dead.remove(unit, letter)
      })
    }
    return { count: letters.length }
  }

  async function replayAll(
    filter: DeadFilter,
  ): Promise<{ count: number; replay: string; open: ShownLetter[]; left: number }> {
    const id = replays.begin()
    let count = 0
    const stayed: DeadLetter[] = []
    for (const chunk of chunks([...dead.find(filter)])) {
      const { revived, open } = await replay(chunk, id)
      count += revived
      stayed.push(...open)
    }
    return { count, replay: id, open: stayed.slice(0, MAX_NAMED).map(shown), left: stayed.length }
  }

  /** @returns some of the letters that match, and how many do */
  function list(filter: DeadFilter, limit: number): { count: number; letters: ShownLetter[]; next?: string } {
    const found: DeadLetter[] = []
    let count = 0
    for (const letter of dead.find(filter)) if (++count <= limit) found.push(letter)
    const last = found.at(-1)
    return { count, letters: found.map(shown), ...(count > limit && last && { next: placeOf(last) }) }
  }

  const acts = (
    what: 'replay' | 'drop',
    act: (filter: DeadFilter) => Promise<{ count: number; left?: number }>,
  ): Route =>
    route({
      method: 'POST',
      path: `/api/dead-letters/${what}`,
      right,
      input: meant,
      async run({ all: _all, dry_run: isDry, ...filter }, { token }) {
        if (isDry) return list(filter, MAX_NAMED)
        const done = await act(filter)
        const { count, left } = done
        log.warn({ operator: token.user, what, filter, count, left }, 'an operator changed dead letters')
        return done
      },
    })

  return [
    route({
      method: 'GET',
      path: '/api/dead-letters',
      right,
      input: listed,
      run: ({ limit, ...filter }) => list(filter, limit),
    }),
    route({
      method: 'GET',
      path: '/api/dead-letters/show',
      right,
      input: shownOne,
      run(filter, { token }) {
        const letters = [...dead.find(filter)].slice(0, 10)
        if (letters.length === 0) throw new ApiError('not_found', `there is no dead letter ${filter.id.slice(0, 128)}`)
        log.info({ operator: token.user, id: filter.id }, 'an operator looked at the payload of a dead letter')
        return { letters: letters.map((letter) => ({ ...shown(letter), payload: letter.command.payload.toString() })) }
      },
    }),
    acts('replay', replayAll),
    acts('drop', dropAll),
    route({
      method: 'GET',
      path: '/api/dead-letters/replays/:replay',
      right,
      input: progress,
      run({ replay: id, after }) {
        const found = replays.look(id, after)
        if (!found) throw new ApiError('not_found', 'unknown replay: it is too old, or the broker was restarted since')
        return found
      },
    }),
  ]
}

function* chunks(letters: readonly DeadLetter[]): Generator<DeadLetter[]> {
  for (let i = 0; i < letters.length; i += CHUNK) yield letters.slice(i, i + CHUNK)
}

function shown({ command, group, attempts, code, error, at }: DeadLetter): ShownLetter {
  return {
    id: command.id,
    command: command.name,
    user: command.user,
    client: command.client,
    group,
    attempts,
    code,
    ...(error && { error }),
    traceparent: command.traceparent,
    accepted_at: new Date(command.at).toISOString(),
    died_at: new Date(at).toISOString(),
  }
}
