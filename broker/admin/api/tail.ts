import { z } from 'zod'
import type { Tail, TailLine } from '../../core/tail.ts'
import { CONSOLE } from '../../seam/authority.ts'
import type { Operators } from './operators.ts'
import { ApiError, route, type Asked, type Route } from './route.ts'

/** Tails at a time, from all operators. */
const MAX_TAILS = 8
/** Bytes that may wait for a reader, and lines that one gets in a second; further lines are counted and left out. */
const MAX_UNREAD = 262_144
const MAX_PER_SECOND = 200
/** Milliseconds between two looks at the token, which also keep the connection open. */
const EVERY = 5_000

const filter = z.strictObject({ user: z.string().optional(), command: z.string().optional() })

/**
 * Commands and their ends as they happen, as server-sent events: `line`, and `missed` with how many lines were left out. Costs nothing
 * while nobody watches.
 */
export function tailRoutes({ tail, operators }: { tail: Tail; operators: Operators }): Route[] {
  let open = 0

  function follow({ user, command }: z.output<typeof filter>, { token, response }: Asked): undefined {
    if (open >= MAX_TAILS) throw new ApiError('too_many', `${MAX_TAILS} tails are open: close one`)
    open++
    let missed = 0
    let [second, sent] = [0, 0]
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    response.write(': follows\n\n')
    const say = (event: string, data: object): boolean => {
      const now = Math.floor(performance.now() / 1000)
      if (now !== second) [second, sent] = [now, 0]
      if (sent >= MAX_PER_SECOND || response.writableLength > MAX_UNREAD) return false
      sent++
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
      return true
    }
    const stop = tail.watch((line: TailLine) => {
      if ((user !== undefined && user !== line.user) || (command !== undefined && command !== line.command)) return
      if (!say('line', line)) missed++
    })
    const clock = setInterval(() => {
      if (!operators.isStill(token)) return void response.end()
      if (missed > 0 && say('missed', { count: missed })) missed = 0
      else if (response.writableLength === 0) response.write(': still here\n\n')
    }, EVERY).unref()
    response.once('close', () => {
      open--
      stop()
      clearInterval(clock)
    })
  }

  return [route({ method: 'GET', path: '/api/tail', right: CONSOLE, input: filter, run: follow })]
}
