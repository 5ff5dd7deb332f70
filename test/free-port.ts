import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

const [LOWEST, MOST] = [10_000, 10_000]

/**
 * A port of loopback that is free now, for a program that cannot take one by itself, or that must have the same one
 * again after its restart. It is below those that systems give away by themselves (from 32,768 on Linux, 49,152
 * elsewhere), and no other process of tests gets it while this one lives, also when that program is down.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + randomInt(MOST)
    if (!(await isOurs(port))) continue
    const server = createServer().listen(port, '127.0.0.1')
    if (!(await isGot(once(server, 'listening')))) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Those who ask here tell one another by a port of the same number at an address that nobody else uses. */
async function isOurs(port: number): Promise<boolean> {
  const claim = createSocket('udp4').unref()
  claim.bind({ port, address: '127.9.9.9', exclusive: true })
  const isIt = await isGot(once(claim, 'listening'))
  if (!isIt) claim.close()
  return isIt
}

function isGot(taking: Promise<unknown>): Promise<boolean> {
  return taking.then(
    () => true,
    (err: NodeJS.ErrnoException) => {
      if (err.code === 'EADDRNOTAVAIL') return true // not on Linux: only the chance of another run's is left
      if (err.code !== 'EADDRINUSE') throw err
      return false
    },
  )
}

/** Those of a platform, as its settings. */
export async function freePorts(): Promise<{ MQTTS_PORT: string; WSS_PORT: string; ADMIN_PORT: string }> {
  const next = async (): Promise<string> => String(await freePort())
  return { MQTTS_PORT: await next(), WSS_PORT: await next(), ADMIN_PORT: await next() }
}
