import type { Duplex } from 'node:stream'

/** Outboxes that hold something. */
let filled: Outbox[] = []
/** Bytes beyond which an outbox does not wait for the end of the turn. */
const ENOUGH = 2 ** 18

function flushAll(): void {
  const all = filled
  filled = []
  for (const outbox of all) outbox.flush()
}

/** What goes out on one connection: gathered over one turn of the event loop, and written in one piece. */
export class Outbox {
  readonly #conn: Duplex
  #pieces: Buffer[] = []
  #bytes = 0

  constructor(conn: Duplex) {
    this.#conn = conn
  }

  /** Bytes that have not left for the system. */
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
    if (this.#conn.writable) this.#conn.write(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, bytes))
  }
}
