import { MALFORMED, MalformedPacket, PACKET_TOO_LARGE } from './malformed.ts'

const NOTHING = Buffer.alloc(0)
/** Bytes that a remaining length has at most [2.1.4]. */
const MAX_LENGTH_BYTES = 4

/**
 * Cuts a stream of bytes into whole control packets. A packet is a part of the chunk that it came in, uncopied where it came in
 * one: whoever keeps it for long copies it. What is held is never more than twice what has come of one packet.
 */
export class Frames {
  readonly #maxBytes: number
  #bytes: Buffer = NOTHING
  #at = 0
  #end = 0
  /** These are bytes of ours, behind which there may be room. */
  #isOurs = false
  #pending: number | undefined

  /** @param maxBytes the largest packet taken, fixed header included */
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
   * The next whole packet, fixed header included; undefined until more has come.
   * @throws {MalformedPacket} for a remaining length of more than 4 bytes, and a packet that is larger than allowed, as soon as its
   * length is known
   */
  next(): Buffer | undefined {
    const length = (this.#pending ??= this.#declared())
    if (length === undefined) return undefined
    if (length > this.#maxBytes) {
      throw new MalformedPacket(PACKET_TOO_LARGE, `a packet of ${length} bytes; at most ${this.#maxBytes} are taken`)
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
   * Bytes of the packet at the front, fixed header included, also while it is incomplete; undefined while that is unknown.
   * @throws {MalformedPacket} for a remaining length of more than 4 bytes
   */
  get pending(): number | undefined {
    return (this.#pending ??= this.#declared())
  }

  /** Moves what is held to where so much more fits: to twice its size, or as much as its packet still needs. */
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
 * Where the body of a whole packet starts: after its first byte and the remaining length. A length in more bytes than it needs is
 * taken here, as MQTT 3.1.1 does not forbid it.
 * @throws {MalformedPacket} when the packet is not as long as it says
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
  throw new MalformedPacket(MALFORMED, 'a packet that is not as long as it says')
}
