import type { Duplex } from 'node:stream'

/** Outboxes with something to send. */
let filled: Outbox[] = []
/** Bytes beyond which an outbox is flushed at once. */
const ENOUGH = 2 ** 18

function flushAll(): void {
  const all = filled
  filled = []
  for (const outbox of all) outbox.flush()
}

/** Gathers what is sent on one connection during one turn of the event loop, and writes it in one piece. */
export class Outbox {
  readonly #conn: Duplex
  readonly #grew: ((by: number) => void) | undefined
  #pieces: Buffer[] = []
  #bytes = 0
  /** Bytes last reported. */
  #reported = 0

  /** @param grew called with how many bytes more, or fewer, wait in the connection than when it was last called */
  constructor(conn: Duplex, grew?: (by: number) => void) {
    this.#conn = conn
    this.#grew = grew
  }

  /** Bytes that the operating system has not taken yet. */
  get unsent(): number {
    return this.#bytes + this.#conn.writableLength
  }

  write(bytes: Buffer): void {
    if (this.#pieces.push(bytes) === 1 && filled.push(this) === 1) setImmediate(flushAll)
    this.#bytes += bytes.length
    if (this.#bytes > ENOUGH) this.flush()
  }

  flush(): void {
    const [pieces, bytes] = [this.#pieces, this.#bytes]
    if (pieces.length === 0) return
    this.#pieces = []
    this.#bytes = 0
    if (!this.#conn.writable) return
    this.#conn.write(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, bytes))
    if (this.#grew) this.report()
  }

  /** Reports how many bytes wait in the connection now; none once it is destroyed. */
  report(): void {
    const waiting = this.#conn.destroyed ? 0 : this.#conn.writableLength
    const by = waiting - this.#reported
    this.#reported = waiting
    if (by !== 0) this.#grew?.(by)
  }
}
