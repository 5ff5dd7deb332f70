import { createServer, type RequestListener } from 'node:http'
import type { Registry } from 'prom-client'
import { isOwnHost } from '../../shared/own-host.ts'
import type { Closable } from '../../shared/shutdown.ts'
import type { Page } from '../front/pages/open-page.ts'
import { closed, listening, portOf } from '../front/listen/tls.ts'

export interface AdminPorts {
  registry: Registry
  isReady: () => boolean
  /** Current faults, one line each. */
  faults: () => string[]
  /** Answers paths that begin with `/api`. */
  api: RequestListener
  /** The page at `/console`. */
  page: Pick<Page, 'answer'> | undefined
}

/** Milliseconds in which a request must be sent, with its body. */
const REQUEST_TIMEOUT = 30_000

/**
 * Serves `/healthz` (the process is alive), `/readyz` (200 while it accepts connections and can store, perhaps `degraded`; else 503),
 * `/metrics` (Prometheus) `/api/…` and `/console` (for operators). Requests for an unlisted host name are refused (421), so that a web page
 * cannot read them by DNS rebinding.
 */
export async function listenAdmin(
  { host, port, maxHeaders, hosts }: { host: string; port: number; maxHeaders: number; hosts: readonly string[] },
  { registry, isReady, faults, api, page }: AdminPorts,
): Promise<Closable & { port: number }> {
  const server = createServer({ maxHeaderSize: maxHeaders }, (request, response) => {
    const say = (status: number, text: string, type = 'text/plain'): void => {
      response.writeHead(status, { 'content-type': type }).end(text)
    }
    if (!isOwnHost(request.headers.host, [host, ...hosts]))
      say(421, 'unknown host name: use the address, or list the name in ADMIN_HOSTS\n')
    else if (request.url === '/healthz') say(200, 'ok\n')
    else if (request.url === '/readyz') {
      const found = faults()
      const verdict = !isReady() ? 'not ready' : found.length > 0 ? 'degraded' : 'ready'
      say(verdict === 'not ready' ? 503 : 200, [verdict, ...found].map((line) => `${line}\n`).join(''))
    } else if (request.url === '/metrics') {
      registry.metrics().then(
        (text) => say(200, text, registry.contentType),
        () => say(500, 'cannot collect metrics\n'),
      )
    } else if (/^\/api(?:[/?]|$)/.test(request.url ?? '')) api(request, response)
    else if (!page?.answer(request, response)) say(404, 'not found: use /healthz, /readyz or /metrics\n')
  })
  server.requestTimeout = REQUEST_TIMEOUT
  await listening(server, host, port)
  return {
    port: portOf(server),
    async close() {
      server.closeAllConnections()
      await closed(server)
    },
  }
}
