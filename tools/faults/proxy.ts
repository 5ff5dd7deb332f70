import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Closable } from '../../shared/shutdown.ts'

/** A stretch of network that can break: it carries TCP connections to a port of this machine. */
export interface Proxy extends Closable {
  readonly port: number
  readonly open: number
  /** Every connection is reset. */
  cut(): void
  /** What is sent vanishes, and nobody is told; new connections get nothing either. */
  blackhole(on: boolean): void
  /** What comes back takes so many milliseconds more. */
  slow(ms: number): void
}

/**
 * @param port asked at every connection: it may change while nothing is connected
 * @param at where it listens; 0 takes a free port
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
        else to.once('data', () => to.destroy()) // it is told when the hole closes and it says something
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
