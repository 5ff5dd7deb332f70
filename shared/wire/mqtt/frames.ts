import { MALFORMED, MalformedPacket, PACKET_TOO_LARGE } from './malformed.ts'

const NOTHING = Buffer.alloc(0)
/** The most bytes of a remaining length [2.1.4]. */
const MAX_LENGTH_BYTES = 4

/**
 * Cuts a stream of bytes into complete control packets. A packet that came in one chunk is a part of that chunk, not a copy: whoever
 * keeps it for long must copy it. Holds at most twice the bytes that have arrived of one packet.
 */
export class Frames {
  readonly #maxBytes: number
  #bytes: Buffer = NOTHING
  #at = 0
  #end = 0
  /** Whether the bytes are our own copy, which may have room at its end. */
  #isOurs = false
  #pending: number | undefined

  /** @param maxBytes the largest packet accepted, with its fixed header */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  push(chunk: Buffer): void {
    const held = this.buffered
    if (held === 0) {
      this.#bytes = chunk
      this.#at = 0
      this.#end = chunk.length
      this.#isOurs = false
      return
    }
    if (!this.#isOurs || chunk.length > this.#bytes.length - this.#end) this.#grow(held, chunk.length)
    this.#end += chunk.copy(this.#bytes, this.#end)
  }

  /**
   * The next complete packet, with its fixed header; undefined until more has arrived.
   * @throws {MalformedPacket} for a remaining length of more than 4 bytes, and for a packet that is too large, as soon as its length is
   *   known
   */
  next(): Buffer | undefined {
    const length = (this.#pending ??= this.#declared())
    if (length === undefined) return undefined
    if (length > this.#maxBytes) {
      throw new MalformedPacket(PACKET_TOO_LARGE, `a packet of ${length} bytes; at most ${this.#maxBytes} are accepted`)
    }
    const from = this.#at
    if (length > this.#end - from) return undefined
    const packet = this.#bytes.subarray(from, from + length)
    this.#at += length
    this.#pending = undefined
    if (this.#at === this.#end) {
      this.#bytes = NOTHING
      this.#at = this.#end = 0
    }
    return packet
  }

  /** Bytes held. */
  get buffered(): number {
    return this.#end - this.#at
  }

  /**
   * The bytes of the first packet, with its fixed header, even while it is incomplete; undefined while its length is unknown.
   * @throws {MalformedPacket} for a remaining length of more than 4 bytes
   */
  get pending(): number | undefined {
    return (this.#pending ??= this.#declared())
  }

  /** Moves the held bytes to a larger buffer: twice the size, or as large as the packet still needs. */
  #grow(held: number, more: number): void {
    const enough = Math.min(2 * held, this.#pending ?? 0, this.#maxBytes)
    const grown = Buffer.allocUnsafe(Math.max(held + more, enough))
    this.#bytes.copy(grown, 0, this.#at, this.#end)
    this.#bytes = grown
    this.#at = 0
    this.#end = held
    this.#isOurs = true
  }

  #declared(): number | undefined {
    const from = this.#at + 1
    let value = 0
    for (let i = 0; i < MAX_LENGTH_BYTES; i++) {
      if (from + i >= this.#end) return undefined
      const byte = this.#bytes[from + i]!
      value |= (byte & 0x7f) << (7 * i)
      if (byte < 0x80) return 1 + i + 1 + value
    }
    throw new MalformedPacket(MALFORMED, 'a remaining length of more than 4 bytes')
  }
}

/**
 * The offset of a complete packet's body, after the first byte and the remaining length. Accepts a length in more bytes than needed,
 * which MQTT 3.1.1 does not forbid.
 * @throws {MalformedPacket} when the packet's length is not its remaining length
 */
export function bodyAt(packet: Buffer): number {
  let length = 0
  for (let i = 0; i < MAX_LENGTH_BYTES; i++) {
    const byte = packet[1 + i]
    if (byte === undefined) break
    length |= (byte & 0x7f) << (7 * i)
    if (byte >= 0x80) continue
    if (packet.length !== 2 + i + length) break
    return 2 + i
  }
  throw new MalformedPacket(MALFORMED, 'a packet whose length is not its remaining length')
}
