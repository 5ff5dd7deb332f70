import type { IncomingMessage } from 'node:http'

const NAMES = ['token', 'access_token']

/**
 * The token that a WebSocket's opening carries, for clients that cannot set a password: a bearer in `Authorization`, a cookie or
 * a query parameter `token` or `access_token` (RFC 6750). Nothing of it may be logged, the URL included.
 */
export function carriedToken({ headers, url }: IncomingMessage): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  return bearer ?? cookieOf(headers.cookie ?? '') ?? queryOf(url ?? '')
}

function cookieOf(header: string): string | undefined {
  for (const pair of header.split(';')) {
    const [name, ...value] = pair.split('=')
    if (NAMES.includes(name!.trim()))
      return (
        value
          .join('=')
          .trim()
          .replace(/^"(.*)"$/, '$1') || undefined
      )
  }
  return undefined
}

function queryOf(url: string): string | undefined {
  const at = url.indexOf('?')
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
  for (const name of NAMES) if (query.get(name)) return query.get(name)!
  return undefined
}
