import { BlockList, isIPv6, type Socket } from 'node:net'
import { parseProxyHeader } from './proxy-header.ts'

/** The proxies whose connections must begin with a PROXY header. From any other address a header is not accepted. */
export class Proxies {
  readonly #listed = new BlockList()
  readonly #timeoutMs: number

  /** @param listed valid addresses and networks (`10.0.0.0/8`) */
  constructor(listed: readonly string[], timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    for (const one of listed) {
      const [address = '', prefix] = one.split('/')
      const family = isIPv6(address) ? 'ipv6' : 'ipv4'
      if (prefix === undefined) this.#listed.addAddress(address, family)
      else this.#listed.addSubnet(address, Number(prefix), family)
    }
  }

  has(address: string): boolean {
    return this.#listed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }

  /**
   * Reads the header, and leaves the socket paused before the bytes that follow.
   * @param found is called with the address in the header, or the proxy's own for its health checks
   * @param refused is called with the reason when the socket was closed
   */
  read(socket: Socket, found: (source: string) => void, refused: (reason: string) => void): void {
    const timer = setTimeout(() => socket.destroy(), this.#timeoutMs)
    socket.once('close', () => clearTimeout(timer))
    socket.on('error', () => {})
    const own = socket.remoteAddress ?? 'unknown'
    let read: Buffer = Buffer.alloc(0)
    const onData = (chunk: Buffer): void => {
      read = read.length === 0 ? chunk : Buffer.concat([read, chunk])
      try {
        const header = parseProxyHeader(read)
        if (!header) return
        clearTimeout(timer)
        socket.off('data', onData)
        socket.pause()
        if (read.length > header.bytes) socket.unshift(read.subarray(header.bytes))
        found(header.source ?? own)
      } catch (err) {
        socket.destroy()
        refused((err as Error).message)
      }
    }
    socket.on('data', onData)
  }
}
