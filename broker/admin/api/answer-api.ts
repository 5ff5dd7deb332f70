import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { Logger } from '../../../shared/log.ts'
import { Refusal } from '../../../shared/wire/refusal.ts'
import { CONSOLE } from '../../seam/authority.ts'
import type { Operators } from './operators.ts'
import { readBody } from './read-body.ts'
import { ApiError, type Route } from './route.ts'

/** The most faults that an answer names. */
const MAX_TOLD = 20

/** Answers `/api/…` in JSON. An error is `{ error: { code, message } }`. */
export function answerApi(routes: readonly Route[], operators: Operators, log: Logger): RequestListener {
  const all = routes.map((one) => ({ one, parts: one.path.split('/') }))

  /** The routes of a path, with what stands in it. */
  function find(pathname: string): { one: Route; named: Record<string, string> }[] {
    const asked = pathname.split('/')
    return all.flatMap(({ one, parts }) => {
      const named = parts.length === asked.length ? match(parts, asked) : undefined
      return named ? [{ one, named }] : []
    })
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<object | undefined> {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost')
    const found = find(pathname)
    const wanted = found.find(({ one }) => one.method === request.method)
    // Whoever has no token does not learn which paths exist.
    const token = await operators.check(request.headers.authorization, wanted?.one.right ?? CONSOLE)
    if (found.length === 0)
      throw new ApiError('not_found', 'there is no such end-point; docs/operate/api.md lists them')
    if (!wanted) {
      const methods = found.map(({ one }) => one.method).join(', ')
      response.setHeader('allow', methods)
      throw new ApiError('method_not_allowed', `use ${methods}`)
    }
    const { one, named } = wanted
    const given = one.method === 'GET' ? Object.fromEntries(searchParams) : await readBody(request)
    const parsed = one.input.safeParse({ ...given, ...named })
    if (!parsed.success) throw new ApiError('bad_request', faultsOf(parsed.error))
    return one.run(parsed.data, { token, request, response })
  }

  return (request, response) => {
    const say = (status: number, body: object): void => {
      const headers = {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      }
      response.writeHead(status, headers).end(`${JSON.stringify(body)}\n`)
    }
    answer(request, response).then(
      (body) => {
        if (body) say(200, body)
      },
      (err: unknown) => {
        const told = toldOf(err)
        if (!told) log.error({ err, path: request.url?.split('?', 1)[0] }, 'the admin API failed')
        if (response.headersSent) return void response.destroy()
        if (!request.complete) response.setHeader('connection', 'close') // the rest of a body is not read
        const { status, code, message } =
          told ?? new ApiError('unavailable', 'the storage failed; what was not yet changed stays. Try again')
        say(status, { error: { code, message } })
      },
    )
  }
}

function match(parts: readonly string[], asked: readonly string[]): Record<string, string> | undefined {
  const named: Record<string, string> = {}
  for (const [i, part] of parts.entries()) {
    if (!part.startsWith(':')) {
      if (part !== asked[i]) return undefined
      continue
    }
    try {
      named[part.slice(1)] = decodeURIComponent(asked[i]!)
    } catch {
      return undefined
    }
  }
  return named
}

function toldOf(err: unknown): ApiError | undefined {
  if (err instanceof ApiError) return err
  if (!(err instanceof Refusal)) return undefined
  const fields = Object.entries(err.fields ?? {}).map(([name, fault]) => `${name}: ${fault}`)
  return new ApiError('bad_request', [err.message, ...fields].join('; '))
}

function faultsOf({ issues }: z.ZodError): string {
  return issues
    .slice(0, MAX_TOLD)
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message).slice(0, 256))
    .join('; ')
}
