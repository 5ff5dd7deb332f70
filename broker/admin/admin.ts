import { createServer, type RequestListener } from 'node:http'
import { isIP } from 'node:net'
import type { Registry } from 'prom-client'
import type { Closable } from '../../shared/shutdown.ts'
import { closed, listening, portOf } from '../front/listen/tls.ts'

export interface AdminPorts {
  registry: Registry
  isReady: () => boolean
  /** What does not work as it should, a line each. */
  faults: () => string[]
  /** Answers what begins with `/dead`. */
  dead: RequestListener
}

/**
 * `/healthz` (the process lives), `/readyz` (it serves and can store, perhaps `degraded`; else 503), `/metrics` (Prometheus),
 * `/dead` (the dead letters, for `npm run dead`). Requests for a host name that is not listed are refused (421): a web page whose
 * name leads here (DNS rebinding) reads nothing.
 */
export async function listenAdmin(
  { host, port, maxHeaders, hosts }: { host: string; port: number; maxHeaders: number; hosts: readonly string[] },
  { registry, isReady, faults, dead }: AdminPorts,
): Promise<Closable & { port: number }> {
  const server = createServer({ maxHeaderSize: maxHeaders }, (request, response) => {
    const say = (status: number, text: string, type = 'text/plain'): void => {
      response.writeHead(status, { 'content-type': type }).end(text)
    }
    if (!isOurs(request.headers.host, [host, ...hosts]))
      say(421, 'this host name is not served here: ask by address, or list the name in ADMIN_HOSTS\n')
    else if (request.url === '/healthz') say(200, 'ok\n')
    else if (request.url === '/readyz') {
      const found = faults()
      const verdict = !isReady() ? 'not ready' : found.length > 0 ? 'degraded' : 'ready'
      say(verdict === 'not ready' ? 503 : 200, [verdict, ...found].map((line) => `${line}\n`).join(''))
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

/** By an address, or by a name that leads here and nowhere else. Who names no host is no browser. */
function isOurs(header: string | undefined, names: readonly string[]): boolean {
  if (header === undefined) return true
  const [, name = ''] = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(header) ?? []
  const host = name.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return isIP(host) > 0 || host === 'localhost' || names.some((one) => one.toLowerCase() === host)
}
