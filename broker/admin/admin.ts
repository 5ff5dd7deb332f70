import { createServer, type RequestListener } from 'node:http'
import type { Registry } from 'prom-client'
import { answersProbe, say } from '../../shared/answer-probes.ts'
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
 * `/metrics` (Prometheus), `/api/…` and `/console` (for operators), under the names that `answersProbe` allows.
 */
export async function listenAdmin(
  { host, port, maxHeaders, hosts }: { host: string; port: number; maxHeaders: number; hosts: readonly string[] },
  { registry, isReady, faults, api, page }: AdminPorts,
): Promise<Closable & { port: number }> {
  const server = createServer({ maxHeaderSize: maxHeaders }, (request, response) => {
    if (answersProbe(registry, [host, ...hosts], request, response)) return
    if (request.url === '/readyz') {
      const found = faults()
      const verdict = !isReady() ? 'not ready' : found.length > 0 ? 'degraded' : 'ready'
      say(response, verdict === 'not ready' ? 503 : 200, [verdict, ...found].map((line) => `${line}\n`).join(''))
    } else if (/^\/api(?:[/?]|$)/.test(request.url ?? '')) api(request, response)
    else if (!page?.answer(request, response)) say(response, 404, 'not found: use /healthz, /readyz or /metrics\n')
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
