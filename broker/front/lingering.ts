import type { Duplex } from 'node:stream'

/** Bytes read from a peer while it lingers; beyond, reading stops. */
const MAX_READ = 262_144

export interface LingeringBounds {
  /** Milliseconds that a peer has to read its last packet. */
  ms?: number
  /** Connections that may linger at once; beyond, the oldest is cut. */
  max?: number
}

/**
 * Ends connections after a last packet: a refusal, or a DISCONNECT with a reason. Closing a socket that holds unread bytes resets
 * the connection, and the peer loses that packet. So only our writing side ends; what the peer still sends is read and discarded
 * until it closes too, bounded in time, bytes and number of connections. The listener's limits still count a lingering connection.
 */
export class Lingering {
  /** The function that cuts each connection, oldest first. */
  readonly #cuts = new Map<Duplex, () => void>()
  readonly #bounds: Required<LingeringBounds>

  constructor({ ms = 3_000, max = 500 }: LingeringBounds = {}) {
    this.#bounds = { ms, max }
  }

  get size(): number {
    return this.#cuts.size
  }

  /** @param destroy closes the connection at once */
  end(stream: Duplex, destroy: () => void): void {
    if (this.#cuts.has(stream)) return
    if (stream.destroyed || !stream.writable) return destroy()
    const cut = (): void => {
      this.#cuts.delete(stream)
      destroy()
    }
    const timer = setTimeout(cut, this.#bounds.ms).unref()
    this.#cuts.set(stream, cut)
    stream.once('close', () => {
      clearTimeout(timer)
      this.#cuts.delete(stream)
    })
    if (this.#cuts.size > this.#bounds.max) this.#cuts.values().next().value?.()
    let read = 0
    stream.on('data', (chunk: Buffer) => {
      read += chunk.length
      if (read > MAX_READ) stream.pause()
    })
    stream.on('error', () => {})
    stream.end()
    stream.resume()
  }

  /** Resolves when no connection lingers; cuts those that remain after `ms`. */
  async close(ms = 1_000): Promise<void> {
    const closing = [...this.#cuts].map(([stream]) => new Promise((resolve) => stream.once('close', resolve)))
    const timer = setTimeout(() => {
      for (const cut of this.#cuts.values()) cut()
    }, ms)
    await Promise.all(closing)
    clearTimeout(timer)
  }
}
