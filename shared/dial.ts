import { isIPv6 } from 'node:net'

/** The host to put into a URL for a server of this machine that listens on `host`: a loopback address if it listens on all. */
export function dialled(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (!isIPv6(host)) return host
  const { hostname } = new URL(`http://[${host}]`) // the shortest spelling
  return hostname === '[::]' ? '[::1]' : hostname
}

/** The same host outside a URL: an IPv6 address has no brackets there. */
export function dialledAlone(host: string): string {
  return dialled(host).replace(/^\[(.*)\]$/, '$1')
}
