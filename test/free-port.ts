import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port of loopback that is free now, for a program that cannot take one by itself, or that must have the same one
 * again after its restart. It is below those that systems give away by themselves (from 32,768 on Linux, 49,152
 * elsewhere), so that nobody gets it by chance while that program is down.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 20_000)
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
    return port
  }
}
