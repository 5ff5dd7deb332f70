import type { IncomingMessage } from 'node:http'
import { isJwt } from '../identity/token-form.ts'

const NAMES = ['access_token', 'token']

/**
 * Finds the token in the request that opens a WebSocket, for clients that cannot set a password: the first JWT among the bearer in
 * `Authorization`, then query parameters, then cookies, both named `access_token` or `token` (RFC 6750). Cookies come last because
 * browsers add them unasked. None of this may be logged, the URL included.
 */
export function carriedToken({ headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  return [bearer, ...inQuery(url), ...inCookies(headers.cookie ?? '')].find(isJwt)
}

function inQuery(url: string): string[] {
  const at = url.indexOf('?')
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
  return NAMES.flatMap((name) => query.getAll(name))
}

/** A name may occur several times, set for several paths (RFC 6265, 5.4). */
function inCookies(header: string): string[] {
  const cookies = header.split(';').map((pair) => {
    const [name, ...value] = pair.split('=')
    return {
      name: name!.trim(),
      value: value
        .join('=')
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    }
  })
  return NAMES.flatMap((wanted) => cookies.flatMap(({ name, value }) => (name === wanted ? [value] : [])))
}
