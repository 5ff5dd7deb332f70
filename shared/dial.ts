import { isIPv6 } from 'node:net'

/** How a URL names the host of a server that listens on `host` of this machine: a loopback address where it listens on all. */
export function dialled(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (!isIPv6(host)) return host
  const { hostname } = new URL(`http://[${host}]`) // in its shortest form
  return hostname === '[::]' ? '[::1]' : hostname
}

/** The same host by itself, as programs take it: an IPv6 address has brackets in a URL alone. */
export function dialledAlone(host: string): string {
  return dialled(host).replace(/^\[(.*)\]$/, '$1')
}
