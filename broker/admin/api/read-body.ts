import type { IncomingMessage } from 'node:http'
import { parseJsonObject, type JsonObject } from '../../../shared/wire/json.ts'
import { ApiError } from './route.ts'

/** Bytes of a request's body. */
const MAX_BODY = 16_384

/**
 * Reads the JSON object that a request carries; no body is an empty object.
 * @throws {ApiError} `too_large`, `unsupported_type` or `bad_request`
 */
export async function readBody(request: IncomingMessage): Promise<JsonObject> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) throw tooLarge()
  const chunks: Buffer[] = []
  let size = 0
  // Leaves the socket open, so that the refusal can be answered.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY) throw tooLarge()
    chunks.push(chunk)
  }
  if (size === 0) return {}
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new ApiError('unsupported_type', 'send the body as application/json')
  try {
    return parseJsonObject(Buffer.concat(chunks))
  } catch (err) {
    throw new ApiError('bad_request', `the body ${(err as Error).message}`)
  }
}

function tooLarge(): ApiError {
  return new ApiError('too_large', `the body is larger than ${MAX_BODY} bytes`)
}
