import type { Connection } from './connection.ts'

/** A connection, as far as its bytes matter. */
type Sending = Pick<Connection, 'outbox'> & { client: { conn: { destroy(err: Error): unknown } } }

/** Why a connection ends when all of them together have too much unsent, and this one has the most. */
export const MOST_UNSENT =
  'client reads too slowly, and all clients together have too much unsent (MAX_ALL_UNSENT_BYTES)'
/** Milliseconds until a suspected excess is counted exactly: by then the operating system has taken what it takes at once. */
const LOOK = 10

/**
 * Bounds what waits in all sockets together. Each outbox reports what waits in its socket when it writes, so the sum may be too high
 * afterwards, but never too low; only when it exceeds the bound are all sockets counted, and those with the most unsent disconnected.
 */
export class Unsent {
  readonly #limit: number
  readonly #connections: () => Iterable<Sending>
  /** What was reported, not less than what waits. */
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  /** @param limit bytes */
  constructor(limit: number, connections: () => Iterable<Sending>) {
    this.#limit = limit
    this.#connections = connections
  }

  /** An outbox has this much more in its socket than when it last reported. */
  readonly grew = (by: number): void => {
    this.#bytes += by
    if (this.#bytes > this.#limit) this.#timer ??= setTimeout(() => this.#look(), LOOK).unref()
  }

  /** Bytes that wait now, and the bound. */
  size(): { used: number; limit: number } {
    this.#count()
    return { used: this.#bytes, limit: this.#limit }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    this.#timer = undefined
    const slow = this.#count()
    if (this.#bytes <= this.#limit) return
    for (const { outbox, client } of slow.toSorted((a, b) => b.outbox.unsent - a.outbox.unsent)) {
      if (this.#bytes <= this.#limit) return
      client.conn.destroy(new Error(MOST_UNSENT)) // what it misses waits in its session, if it has one
      outbox.report()
    }
  }

  /** Counts what waits in each socket. Returns the connections with something unsent. */
  #count(): Sending[] {
    const slow: Sending[] = []
    for (const connection of this.#connections()) {
      connection.outbox.report()
      if (connection.outbox.unsent > 0) slow.push(connection)
    }
    return slow
  }
}
