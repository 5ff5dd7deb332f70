import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Each process of a test run has ports of its own. */
const WORKER = Number(process.env['JEST_WORKER_ID'] ?? 0)
const given = new Set<number>()

/**
 * A port of loopback that is free now, for a program that cannot take one by itself, or that must have the same one
 * again after its restart. It is below those that systems give away by themselves (from 32,768 on Linux, 49,152
 * elsewhere), so that nobody gets it by chance while that program is down.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + (WORKER % 10) * 1_000 + randomInt(1_000)
    if (given.has(port)) continue
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      (err: NodeJS.ErrnoException) => {
        if (err.code !== 'EADDRINUSE') throw err
        return false
      },
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    given.add(port)
    return port
  }
}

/** Those of a platform, as its settings. */
export async function freePorts(): Promise<{ MQTTS_PORT: string; WSS_PORT: string; ADMIN_PORT: string }> {
  const next = async (): Promise<string> => String(await freePort())
  return { MQTTS_PORT: await next(), WSS_PORT: await next(), ADMIN_PORT: await next() }
}
