import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Closable } from '../../shared/shutdown.ts'

/** A network that can break: it forwards TCP connections to a port of this machine. */
export interface Proxy extends Closable {
  readonly port: number
  readonly open: number
  /** Every connection is reset. */
  cut(): void
  /** A black hole: what is sent vanishes silently, on new connections too. */
  blackhole(on: boolean): void
  /** The connections of now are dead, and neither side is told: what is sent on them vanishes. New ones work. */
  strand(): void
  /** Another network: the connections of now are dead, and the port is open at the other address of this machine, IPv4 or IPv6. */
  move(): Promise<void>
  /** Delays what comes back by so many milliseconds. */
  slow(ms: number): void
}

const ADDRESSES = ['127.0.0.1', '::1'] as const

/**
 * @param port called for every connection, since the port may change while nothing is connected
 * @param at the port to listen on; 0 for any free port
 */
export async function openProxy(port: () => number, at = 0): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const stranded = new WeakSet<Socket>()
  let isHole = false
  let slowMs = 0
  let address = 0

  function forward(near: Socket): void {
    const far = connect(port(), '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => {})
      from.on('data', (chunk) => {
        if (isHole || stranded.has(from)) return
        if (slowMs > 0 && from === far) setTimeout(() => to.write(chunk), slowMs)
        else to.write(chunk)
      })
      from.once('close', () => {
        sockets.delete(from)
        if (stranded.has(from)) return
        if (!isHole) to.destroy()
        else to.once('data', () => to.destroy()) // it learns of the reset when the hole closes and it sends something
      })
    }
  }

  async function listen(on: number): Promise<Server> {
    const opened = createServer(forward)
    opened.listen(on, ADDRESSES[address])
    await once(opened, 'listening')
    return opened
  }

  let server = await listen(at)
  const { port: own } = server.address() as AddressInfo
  const strand = (): void => {
    for (const socket of sockets) stranded.add(socket)
  }
  return {
    port: own,
    get open() {
      return sockets.size / 2
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    blackhole: (on) => void (isHole = on),
    strand,
    async move() {
      strand()
      server.close() // its connections stay
      address = 1 - address
      server = await listen(own)
    },
    slow: (ms) => void (slowMs = ms),
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
