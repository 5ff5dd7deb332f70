import type { Socket } from 'node:net'
import { isIPv6 } from 'node:net'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { KnownAddresses } from './known-addresses.ts'

export interface AddressLimits {
  /** Open at a time. */
  connections: number
  /** Per minute, not counting those that log in. */
  connects: number
}

/** Most connections of one address beyond its limits that have not logged in yet. */
const RESERVE = 500

/** An admitted connection. */
export interface Admitted {
  /** To be called when it has logged in. */
  loggedIn: (kind: 'device' | 'handler') => void
}

/**
 * Closes connections of addresses that hold or open too many, before they cost a TLS handshake. One guesser can exhaust the limit
 * of a NAT's or proxy's address, so the others behind it have a reserve. Connections that log in do not count. Where a handler has
 * logged in within the last day, connections beyond the limits are still admitted, and the oldest that has not logged in makes
 * room. Where a device has, a few are admitted each second.
 */
export class AddressGate {
  readonly #limits: AddressLimits
  readonly #refused: (address: string, reason: string) => void
  readonly #rate: RateLimiterMemory
  readonly #trickle: RateLimiterMemory
  readonly #open = new Map<string, number>()
  readonly #handlers = new KnownAddresses()
  readonly #devices = new KnownAddresses()
  /** By network, the connections beyond the limits that have not logged in, oldest first. */
  readonly #reserved = new Map<string, Set<Socket>>()

  /** @param refused is called for the first refusal of an address in a minute, with the reason */
  constructor(limits: AddressLimits, refused: (address: string, reason: string) => void) {
    this.#limits = limits
    this.#refused = refused
    this.#rate = new RateLimiterMemory({ points: limits.connects, duration: 60 })
    this.#trickle = new RateLimiterMemory({ points: Math.floor(limits.connects / 600), duration: 1 })
  }

  /** Reports a connection that was closed for another reason. */
  refuse(address: string, reason: string): void {
    this.#refused(address, reason)
  }

  /** @param address the client's, which differs from the socket's peer behind a proxy */
  admit(socket: Socket, address: string): Admitted {
    const network = networkOf(address)
    const open = (this.#open.get(network) ?? 0) + 1
    this.#open.set(network, open)
    socket.once('close', () => {
      const left = this.#open.get(network)! - 1
      if (left > 0) this.#open.set(network, left)
      else this.#open.delete(network)
    })
    if (open > this.#limits.connections) {
      const isFirst = open === this.#limits.connections + 1
      if (isFirst) this.#refused(address, 'too many connections from this address')
      if (this.#handlers.has(network)) this.#reserve(socket, network)
      else socket.destroy()
    }
    this.#rate.consume(network).catch(({ consumedPoints }: { consumedPoints: number }) => {
      const isFirst = consumedPoints === this.#limits.connects + 1
      if (isFirst) this.#refused(address, 'too many connects from this address')
      this.#connectsTooOften(socket, network)
    })
    return {
      loggedIn: (kind) => {
        this.#reserved.get(network)?.delete(socket)
        void this.#rate.reward(network)
        const known = kind === 'handler' ? this.#handlers : this.#devices
        known.add(network)
      },
    }
  }

  #connectsTooOften(socket: Socket, network: string): void {
    if (this.#handlers.has(network)) return this.#reserve(socket, network)
    if (!this.#devices.has(network)) return void socket.destroy()
    this.#trickle.consume(network).then(
      () => this.#reserve(socket, network),
      () => socket.destroy(),
    )
  }

  #reserve(socket: Socket, network: string): void {
    if (socket.destroyed) return
    const reserved = this.#reserved.get(network) ?? new Set()
    this.#reserved.set(network, reserved.add(socket))
    if (reserved.size > RESERVE) reserved.values().next().value!.destroy()
    socket.once('close', () => {
      reserved.delete(socket)
      if (reserved.size === 0 && this.#reserved.get(network) === reserved) this.#reserved.delete(network)
    })
  }
}

/** The network that one peer can be assumed to own: an IPv4 address, or the /64 of an IPv6 address. */
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
