import { isIPv4, isIPv6 } from 'node:net'

const MAX_URIS = 16
const URI = /^(stuns?|turns?):(\[[^\]]*\]|[^:?[\]]+)(?::(\d{1,5}))?(\?transport=(?:udp|tcp))?$/
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** Tells whether these are 1 to 16 URIs of STUN and TURN servers in lower case [RFC 7064, RFC 7065]. */
export function areTurnUris(uris: readonly string[]): boolean {
  return uris.length >= 1 && uris.length <= MAX_URIS && uris.every(isTurnUri)
}

function isTurnUri(uri: string): boolean {
  const [, scheme, host = '', port, transport] = URI.exec(uri) ?? []
  if (scheme === undefined || !isHost(host)) return false
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) return false
  return transport === undefined || scheme.startsWith('turn') // a STUN URI has no transport [RFC 7064 3.1]
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return isIPv6(host.slice(1, -1)) && !host.includes('%')
  if (/^[\d.]+$/.test(host)) return isIPv4(host)
  return host.length <= 253 && host.split('.').every((label) => LABEL.test(label))
}
