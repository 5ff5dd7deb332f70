/**
 * Normalises an origin for comparison [RFC 6454]: scheme, host and port, with the host in lower case and punycode, without the
 * scheme's default port. `null` (a page without an origin) stays `null`.
 * @returns undefined for what is not an origin, such as a URL with a path
 */
export function originOf(text: string): string | undefined {
  if (text === 'null') return text
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\\\s]+\/?$/i.test(text)) return undefined
  try {
    const { protocol, host } = new URL(text)
    return host === '' ? undefined : `${protocol}//${host.toLowerCase()}`
  } catch {
    return undefined
  }
}
