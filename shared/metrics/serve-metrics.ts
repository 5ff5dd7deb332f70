import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'
import type { Logger } from '../log.ts'
import { answersProbe, say } from '../answer-probes.ts'
import type { Closable } from '../shutdown.ts'

/** Milliseconds between two attempts to listen on a port that another process has. */
const TRY_AGAIN = 1_000

/**
 * Serves `/metrics` (Prometheus) and `/healthz` of a process. A port that is taken is tried again each second: a process that is
 * replaced keeps it until it ends. Nothing else waits for that.
 * @param hosts names that requests may use, besides addresses and localhost
 * @param port 0 picks a free one
 */
export function serveMetrics(
  registry: Registry,
  { host, port, hosts }: { host: string; port: number; hosts: readonly string[] },
  log: Logger,
): Closable {
  const server = createServer((request, response) => {
    if (!answersProbe(registry, [host, ...hosts], request, response))
      say(response, 404, 'not found: use /metrics or /healthz\n')
  })
  let timer: NodeJS.Timeout | undefined
  const listen = (): void => void server.listen(port, host)
  server.on('listening', () => log.info({ host, port: (server.address() as AddressInfo).port }, 'serves metrics'))
  server.on('error', (err: NodeJS.ErrnoException) => {
    log.warn({ host, port, reason: err.message }, 'cannot serve metrics yet; set another METRICS_PORT if this stays')
    timer = setTimeout(listen, TRY_AGAIN).unref()
  })
  listen()
  server.unref()
  return {
    async close() {
      clearTimeout(timer)
      if (!server.listening) return void server.close()
      server.closeAllConnections()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
