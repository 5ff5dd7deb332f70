import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'

/** The metrics of a process, as prom-client's registry gives them. */
interface Metrics {
  readonly contentType: string
  metrics(): Promise<string>
}

export function say(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type }).end(text)
}

/**
 * Answers `/healthz` (the process is alive) and `/metrics` (Prometheus). Requests for an unlisted host name are refused (421), so that a
 * web page cannot read them by DNS rebinding.
 * @param names host names that requests may use, besides addresses and localhost
 * @returns whether it has answered, or will
 */
export function answersProbe(
  metrics: Metrics,
  names: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (!isOwnHost(request.headers.host, names)) {
    say(response, 421, 'unknown host name: use the address, or list the name in ADMIN_HOSTS\n')
  } else if (request.url === '/healthz') say(response, 200, 'ok\n')
  else if (request.url === '/metrics') {
    metrics.metrics().then(
      (text) => say(response, 200, text, metrics.contentType),
      () => say(response, 500, 'cannot collect metrics\n'),
    )
  } else return false
  return true
}

/** Is the Host header an address, localhost or a listed name? Browsers always send one, so requests without it are allowed. */
function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  if (header === undefined) return true
  const [, name = ''] = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(header) ?? []
  const host = name.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return isIP(host) > 0 || host === 'localhost' || names.some((one) => one.toLowerCase() === host)
}
