import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { Token } from '../../seam/session.ts'

/** Why a request fails, as a client may switch on it. */
const STATUS = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  too_large: 413,
  unsupported_type: 415,
  too_many: 429,
  unavailable: 503,
} as const

/** An answer that is an error: a code, and words for people. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly code: keyof typeof STATUS
  constructor(code: keyof typeof STATUS, message: string) {
    super(message)
    this.code = code
  }
  get status(): number {
    return STATUS[this.code]
  }
}

/** A request whose token has been checked. */
export interface Asked {
  token: Token
  request: IncomingMessage
  response: ServerResponse
}

/** An end-point. */
export interface Route {
  readonly method: 'GET' | 'POST'
  /** Such as `/api/users/:user`. */
  readonly path: string
  /** What a token's acl must name, where it narrows an operator. */
  readonly right: string
  /** The query of a GET or the JSON body of a POST, with what stands in the path. */
  readonly input: z.ZodType
  /** @returns the answer; undefined: it has answered, or goes on answering, by itself */
  run(input: unknown, asked: Asked): object | undefined | Promise<object | undefined>
}

export function route<Input>(declared: {
  method: Route['method']
  path: string
  right: string
  input: z.ZodType<Input>
  run(input: Input, asked: Asked): ReturnType<Route['run']>
}): Route {
  return declared
}
