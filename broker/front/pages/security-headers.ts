/** A Host header that may be repeated in a header of ours. */
const HOST = /^(?:[A-Za-z0-9.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/

/**
 * The headers that confine a page: it runs its own scripts only, talks to its own host and the issuers only, and shows in no frame.
 * @param host the request's Host header
 * @param origins of issuers
 */
export function securityHeaders(host: string | undefined, origins: readonly string[]): Record<string, string> {
  // Safari up to 15.3 does not count WebSockets of the page's own host as 'self'.
  const own = host !== undefined && HOST.test(host) ? [`wss://${host}`] : []
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' blob: data:",
      "media-src 'self' blob:",
      ["connect-src 'self'", ...own, ...origins].join(' '),
      "manifest-src 'self'",
      "worker-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ].join('; '),
    'permissions-policy': 'camera=(self), microphone=(self), display-capture=(self), geolocation=()',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  }
}
