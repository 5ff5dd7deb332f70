import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Body, PageFile, PageFiles } from './read-page.ts'
import { securityHeaders } from './security-headers.ts'

/**
 * Answers a request for one of these files (RFC 9110). No other path exists.
 * @param origins that the page may contact besides its own
 * @returns false when the path is none of them; nothing is answered then
 */
export function answerPage(
  files: PageFiles,
  origins: readonly string[],
  { url = '', method, headers }: IncomingMessage,
  response: ServerResponse,
): boolean {
  const file = files.get(url.split('?', 1)[0]!)
  if (!file) return false
  const secured = securityHeaders(headers.host, origins)
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { ...secured, allow: 'GET, HEAD', 'content-type': 'text/plain' }).end('GET or HEAD only\n')
    return true
  }
  const body = bodyFor(file, headers['accept-encoding'])
  const described = {
    ...secured,
    'cache-control': file.caching,
    etag: body.etag,
    ...(file.bodies.length > 1 && { vary: 'accept-encoding' }),
  }
  if (isFresh(body, headers['if-none-match'])) {
    response.writeHead(304, described).end()
    return true
  }
  response.writeHead(200, {
    ...described,
    'content-type': file.type,
    'content-length': body.bytes.length,
    ...(body.encoding !== undefined && { 'content-encoding': body.encoding }),
  })
  response.end(method === 'HEAD' ? undefined : body.bytes)
  return true
}

/** The first body whose encoding the client takes. */
function bodyFor({ bodies }: PageFile, accepted = ''): Body {
  const taken = accepted
    .toLowerCase()
    .split(',')
    .filter((one) => !/;\s*q=0(?:\.0*)?\s*$/.test(one))
    .map((one) => one.split(';', 1)[0]!.trim())
  return bodies.find(({ encoding }) => encoding === undefined || taken.includes(encoding))!
}

/** Does the client have this body already? [RFC 9110 13.1.2] */
function isFresh({ etag }: Body, known: string | undefined): boolean {
  return known !== undefined && known.split(',').some((one) => ['*', etag].includes(one.trim().replace(/^W\//, '')))
}
