import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

const [LOWEST, COUNT] = [10_000, 10_000]

/**
 * A free loopback port, for a program that cannot choose one itself, or that must have the same one
 * after a restart. It is below the ephemeral ports of operating systems (from 32,768 on Linux, 49,152
 * elsewhere), and no other test process gets it while this one lives, even when that program is down.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + randomInt(COUNT)
    if (!(await isOurs(port))) continue
    const server = createServer().listen(port, '127.0.0.1')
    if (!(await isGot(once(server, 'listening')))) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Claims a port among test processes by listening on the same port of an address that nothing else uses. */
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
      if (err.code === 'EADDRNOTAVAIL') return true // not on Linux: another test run may choose the same port
      if (err.code !== 'EADDRINUSE') throw err
      return false
    },
  )
}

/** The ports of a platform, as settings. */
export async function freePorts(): Promise<{ MQTTS_PORT: string; WSS_PORT: string; ADMIN_PORT: string }> {
  const next = async (): Promise<string> => String(await freePort())
  return { MQTTS_PORT: await next(), WSS_PORT: await next(), ADMIN_PORT: await next() }
}
