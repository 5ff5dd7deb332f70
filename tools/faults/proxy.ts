import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Closable } from '../../shared/shutdown.ts'

/** A network that can break: it forwards TCP connections to a port of this machine. */
export interface Proxy extends Closable {
  readonly port: number
  readonly open: number
  /** Every connection is reset. */
  cut(): void
  /** A black hole: what is sent vanishes silently, on new connections too. */
  blackhole(on: boolean): void
  /** Delays what comes back by so many milliseconds. */
  slow(ms: number): void
}

/**
 * @param port called for every connection, since the port may change while nothing is connected
 * @param at the port to listen on; 0 for any free port
 */
export async function openProxy(port: () => number, at = 0): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let isHole = false
  let slowMs = 0
  const server = createServer((near) => {
    const far = connect(port(), '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => {})
      from.on('data', (chunk) => {
        if (isHole) return
        if (slowMs > 0 && from === far) setTimeout(() => to.write(chunk), slowMs)
        else to.write(chunk)
      })
      from.once('close', () => {
        sockets.delete(from)
        if (!isHole) to.destroy()
        else to.once('data', () => to.destroy()) // it learns of the reset when the hole closes and it sends something
      })
    }
  })
  server.listen(at, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return sockets.size / 2
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    blackhole: (on) => void (isHole = on),
    slow: (ms) => void (slowMs = ms),
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
