import type { Connection, ConnectionState } from './connection.ts'
import type { SignalQueue } from './signal-queue.ts'

/** Somebody else in a conference. */
export class Participant {
  /** Their user id. */
  readonly user: string
  /** The id of their seat; it stays the same when they come back after a lost connection. */
  readonly id: string
  readonly #connection: Connection
  readonly #queue: SignalQueue

  constructor(user: string, id: string, connection: Connection, queue: SignalQueue) {
    this.user = user
    this.id = id
    this.#connection = connection
    this.#queue = queue
  }

  get state(): ConnectionState {
    return this.#connection.state
  }

  /** What they send. */
  get stream(): MediaStream {
    return this.#connection.stream
  }

  /** What the browser measures. */
  getStats(): Promise<RTCStatsReport> {
    return this.#connection.getStats()
  }

  /** @internal */
  get connection(): Connection {
    return this.#connection
  }

  /** @internal */
  close(): void {
    this.#queue.close()
    this.#connection.close()
  }
}
