import { isIP } from 'node:net'

/** Is the Host header an address, localhost or a listed name? Browsers always send one, so requests without it are allowed. */
export function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  if (header === undefined) return true
  const [, name = ''] = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(header) ?? []
  const host = name.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return isIP(host) > 0 || host === 'localhost' || names.some((one) => one.toLowerCase() === host)
}
