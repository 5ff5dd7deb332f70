import type { Duplex } from 'node:stream'

/** Bytes that a peer may still send meanwhile; beyond, nothing more is read. */
const MAX_READ = 262_144

export interface LingeringBounds {
  /** Milliseconds for which a peer may still read its last packet. */
  ms?: number
  /** Connections at once; beyond, the oldest is cut. */
  most?: number
}

/**
 * Ends connections that have been sent a last packet: a refusal, or a DISCONNECT with a reason. To close a socket that holds bytes
 * nobody has read resets the connection, and the peer loses what it has not read itself. So ours is ended for writing alone; what
 * the peer still sends is read and thrown away until it closes too. Bounded in time, bytes and number. Its listener goes on
 * counting it.
 */
export class Lingering {
  /** How each is cut, oldest first. */
  readonly #cuts = new Map<Duplex, () => void>()
  readonly #bounds: Required<LingeringBounds>

  constructor({ ms = 3_000, most = 500 }: LingeringBounds = {}) {
    this.#bounds = { ms, most }
  }

  get size(): number {
    return this.#cuts.size
  }

  /** @param destroy cuts it for good */
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
    if (this.#cuts.size > this.#bounds.most) this.#cuts.values().next().value?.()
    let read = 0
    stream.on('data', (chunk: Buffer) => {
      read += chunk.length
      if (read > MAX_READ) stream.pause()
    })
    stream.on('error', () => {})
    stream.end()
    stream.resume()
  }

  /** Resolves when none lingers; cuts those that still do after `ms`. */
  async close(ms = 1_000): Promise<void> {
    const closing = [...this.#cuts].map(([stream]) => new Promise((resolve) => stream.once('close', resolve)))
    const timer = setTimeout(() => {
      for (const cut of this.#cuts.values()) cut()
    }, ms)
    await Promise.all(closing)
    clearTimeout(timer)
  }
}
