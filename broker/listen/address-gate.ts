import type { Socket } from 'node:net'
import { isIPv6 } from 'node:net'
import { RateLimiterMemory } from 'rate-limiter-flexible'

export interface AddressLimits {
  /** At a time. */
  connections: number
  /** In a minute. */
  connects: number
}

/** Hangs up on addresses that hold or open too many connections, before they cost a TLS handshake. */
export class AddressGate {
  readonly #limits: AddressLimits
  readonly #refused: (address: string, reason: string) => void
  readonly #rate: RateLimiterMemory
  readonly #open = new Map<string, number>()

  /** @param refused is told of the first refusal of an address in a minute, and why */
  constructor(limits: AddressLimits, refused: (address: string, reason: string) => void) {
    this.#limits = limits
    this.#refused = refused
    this.#rate = new RateLimiterMemory({ points: limits.connects, duration: 60 })
  }

  /** Tells of a connection that was closed for another reason. */
  refuse(address: string, reason: string): void {
    this.#refused(address, reason)
  }

  /** @param address where it comes from, which is another than its peer's behind a proxy */
  admit(socket: Socket, address: string): void {
    const network = networkOf(address)
    const open = (this.#open.get(network) ?? 0) + 1
    this.#open.set(network, open)
    socket.once('close', () => {
      const left = this.#open.get(network)! - 1
      if (left > 0) this.#open.set(network, left)
      else this.#open.delete(network)
    })
    if (open > this.#limits.connections) {
      socket.destroy()
      if (open === this.#limits.connections + 1) this.#refused(address, 'too many connections from this address')
    }
    this.#rate.consume(network).catch(({ consumedPoints }: { consumedPoints: number }) => {
      socket.destroy()
      if (consumedPoints === this.#limits.connects + 1) this.#refused(address, 'too many connects from this address')
    })
  }
}

/** What one peer can be taken to own: an IPv4 address, or the /64 of an IPv6 one. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1]!
  if (!isIPv6(address)) return address
  const [before = '', after] = address.split('%', 1)[0]!.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after ? after.split(':') : []
  const zeros = after === undefined ? [] : Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0')
  return `${[...head, ...zeros, ...tail]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
