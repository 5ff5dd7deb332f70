import { createServer, type RequestListener } from 'node:http'
import type { Registry } from 'prom-client'
import type { Closable } from '../../shared/shutdown.ts'
import { closed, listening, portOf } from './tls.ts'

export interface AdminPorts {
  registry: Registry
  isReady: () => boolean
  /** What does not work as it should, while the rest goes on. */
  degraded: () => string[]
  /** Answers what begins with `/dead`. */
  dead: RequestListener
}

/**
 * `/healthz` (the process lives), `/readyz` (it serves and can store, perhaps `degraded`; else 503), `/metrics` (Prometheus),
 * `/dead` (the dead letters, for `npm run dead`).
 */
export async function listenAdmin(
  { host, port, maxHeaders }: { host: string; port: number; maxHeaders: number },
  { registry, isReady, degraded, dead }: AdminPorts,
): Promise<Closable & { port: number }> {
  const server = createServer({ maxHeaderSize: maxHeaders }, (request, response) => {
    const say = (status: number, text: string, type = 'text/plain'): void => {
      response.writeHead(status, { 'content-type': type }).end(text)
    }
    if (request.url === '/healthz') say(200, 'ok\n')
    else if (request.url === '/readyz') {
      const faults = degraded()
      if (!isReady()) say(503, 'not ready\n')
      else say(200, faults.length > 0 ? `degraded\n${faults.map((fault) => `${fault}\n`).join('')}` : 'ready\n')
    } else if (request.url === '/metrics') {
      registry.metrics().then(
        (text) => say(200, text, registry.contentType),
        () => say(500, 'metrics failed\n'),
      )
    } else if (/^\/dead(?:[/?]|$)/.test(request.url ?? '')) dead(request, response)
    else say(404, 'there are /healthz, /readyz and /metrics\n')
  })
  await listening(server, host, port)
  return {
    port: portOf(server),
    async close() {
      server.closeAllConnections()
      await closed(server)
    },
  }
}
