import type { IncomingMessage, RequestListener } from 'node:http'
import { z } from 'zod'
import type { Logger } from '../../shared/log.ts'
import { DEAD_LETTERS, maySend } from '../seam/authority.ts'
import { TIME_RULE, timeOfText } from '../../shared/wire/time.ts'
import type { VerifyToken } from '../front/identity/token.ts'
import type { Revocations } from '../core/revocations.ts'
import type { DeadFilter, DeadLetter, DeadLetters } from '../core/queue/dead-letters.ts'
import type { Replays } from '../core/queue/replays.ts'
import type { Storage } from '../storage/storage.ts'

export interface DeadLetterPorts {
  verify: VerifyToken
  revocations: Revocations
  storage: Storage
  dead: DeadLetters
  replays: Replays
  /** @returns how many became commands again, and the letters that stay because a command with their id is open */
  replay: (letters: readonly DeadLetter[], replay: string) => Promise<{ revived: number; open: DeadLetter[] }>
  log: Logger
}

/** Letters per transaction. */
const CHUNK = 500
/** Most letters that an answer lists as not replayed. */
const MAX_NAMED = 100

const time = z.string().transform((text, context) => {
  const at = timeOfText(text)
  if (at !== undefined) return at
  context.addIssue(TIME_RULE)
  return z.NEVER
})
const whole = z.string().regex(/^\d+$/).transform(Number)
const query = z.strictObject({
  id: z.string().optional(),
  command: z.string().optional(),
  user: z.string().optional(),
  group: z.string().optional(),
  since: time.optional(),
  until: time.optional(),
  limit: whole.pipe(z.int().min(1).max(1_000)).default(100),
  payload: z.stringbool().default(false),
})

const progress = z.strictObject({ replay: z.string(), after: whole.pipe(z.int().min(0)).default(0) })

/**
 * Answers `/dead` on the admin port, in JSON, for bearer tokens whose `role` is `operator`. GET `/dead` lists letters; POST
 * `/dead/replay` and `/dead/drop` act on all letters that match the query. The answer to a replay holds its id in `replay`, and
 * GET `/dead/replay?replay=…&after=n` tells how its commands have ended, without the first `n`. 400 says what is wrong with the
 * query.
 */
export function deadLetterRequests(ports: DeadLetterPorts): RequestListener {
  const { verify, revocations, storage, dead, replays, replay, log } = ports

  async function drop(letters: readonly DeadLetter[]): Promise<void> {
    await storage.commit((unit) => {
      for (const letter of letters) dead.remove(unit, letter)
    })
  }

  async function dropAll(filter: DeadFilter): Promise<{ count: number }> {
    const letters = [...dead.find(filter)]
    for (const chunk of chunks(letters)) await drop(chunk)
    log.warn({ what: 'drop', filter, count: letters.length }, 'an operator changed dead letters')
    return { count: letters.length }
  }

  async function replayAll(
    filter: DeadFilter,
  ): Promise<{ count: number; replay: string; open: object[]; left: number }> {
    const id = replays.begin()
    let count = 0
    const stayed: DeadLetter[] = []
    for (const chunk of chunks([...dead.find(filter)])) {
      const { revived, open } = await replay(chunk, id)
      count += revived
      stayed.push(...open)
    }
    const left = stayed.length
    log.warn({ what: 'replay', filter, count, left }, 'an operator changed dead letters')
    return { count, replay: id, open: stayed.slice(0, MAX_NAMED).map((letter) => shown(letter, false)), left }
  }

  function list({ limit, payload, ...filter }: z.output<typeof query>): { count: number; letters: object[] } {
    const found = [...dead.find(filter)]
    return { count: found.length, letters: found.slice(0, limit).map((letter) => shown(letter, payload)) }
  }

  async function isOperator(authorization = ''): Promise<boolean> {
    try {
      const token = await verify(/^Bearer (\S+)$/.exec(authorization)?.[1] ?? '')
      revocations.check(token)
      return token.isOperator && maySend({ token }, DEAD_LETTERS)
    } catch {
      return false
    }
  }

  async function answer(request: IncomingMessage, say: (status: number, body: object) => void): Promise<void> {
    if (!(await isOperator(request.headers.authorization)))
      return say(401, { error: 'unauthorized: send the token of an operator (role: operator) as Bearer' })
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
    if (`${request.method} ${pathname}` === 'GET /dead/replay') {
      const { data } = progress.safeParse(Object.fromEntries(searchParams))
      const found = data && replays.look(data.replay, data.after)
      return found
        ? say(200, found)
        : say(404, { error: 'unknown replay: it is too old, or the broker was restarted since' })
    }
    const parsed = query.safeParse(Object.fromEntries(searchParams))
    if (!parsed.success) {
      return say(400, {
        error: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
      })
    }
    const { limit: _limit, payload: _payload, ...filter } = parsed.data
    const asked = `${request.method} ${pathname}`
    if (asked === 'GET /dead') return say(200, list(parsed.data))
    if (asked !== 'POST /dead/replay' && asked !== 'POST /dead/drop')
      return say(404, { error: 'not found: use GET /dead, GET /dead/replay, POST /dead/replay or POST /dead/drop' })
    say(200, await (asked === 'POST /dead/replay' ? replayAll(filter) : dropAll(filter)))
  }

  return (request, response) => {
    const say = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
    }
    answer(request, say).catch((err: unknown) => {
      log.error({ err }, 'cannot change dead letters')
      say(503, { error: 'the storage failed; letters not yet changed stay. Try again' })
    })
  }
}

function* chunks(letters: readonly DeadLetter[]): Generator<DeadLetter[]> {
  for (let i = 0; i < letters.length; i += CHUNK) yield letters.slice(i, i + CHUNK)
}

function shown({ command, group, attempts, code, error, at }: DeadLetter, withPayload: boolean): object {
  return {
    id: command.id,
    command: command.name,
    user: command.user,
    client: command.client,
    group,
    attempts,
    code,
    ...(error && { error }),
    accepted_at: new Date(command.at).toISOString(),
    died_at: new Date(at).toISOString(),
    ...(withPayload && { payload: command.payload.toString() }),
  }
}
