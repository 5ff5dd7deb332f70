import { isUtf8 } from 'node:buffer'
import './bytes.ts'
import { MALFORMED, MalformedPacket } from './malformed.ts'

const malformed = (message: string): never => {
  throw new MalformedPacket(MALFORMED, message)
}

/** Reads the values of one packet, from `at` to `end`. Each method throws {@link MalformedPacket} when a value reaches beyond `end`. */
export class Reader {
  readonly packet: Buffer
  at: number
  end: number
  /** In a narrowed reader: its start, and all its bytes as Latin-1, from which ASCII strings are cut. */
  #blockAt = -1
  #block: string | undefined

  constructor(packet: Buffer, at: number) {
    this.packet = packet
    this.at = at
    this.end = packet.length
  }

  /** Limits the reader to the next `length` bytes. */
  narrow(length: number, what: string): void {
    if (length > this.end - this.at) malformed(`${what} reaches beyond the packet`)
    this.end = this.at + length
    this.#blockAt = this.at
  }

  byte(what: string): number {
    return this.packet[this.#take(1, what)]!
  }

  uint16(what: string): number {
    const at = this.#take(2, what)
    return (this.packet[at]! << 8) | this.packet[at + 1]!
  }

  uint32(what: string): number {
    return this.uint16(what) * 0x1_0000 + this.uint16(what)
  }

  /** A variable byte integer of at most 4 bytes, and no more than needed [MQTT-1.5.5-1]. */
  varint(what: string): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte(what)
      value |= (byte & 0x7f) << shift
      if (byte >= 0x80) continue
      if (byte === 0 && shift > 0) malformed(`${what} is longer than needed`)
      return value
    }
    return malformed(`${what} has more than 4 bytes`)
  }

  /** A UTF-8 string without surrogates [MQTT-1.5.4-1] and U+0000 [MQTT-1.5.4-2]. Keeps U+FEFF [MQTT-1.5.4-3]. */
  text(what: string): string {
    const length = this.uint16(what)
    const from = this.#take(length, what)
    const { packet, at } = this
    let bits = 0
    for (let i = from; i < at; i++) {
      const byte = packet[i]!
      if (byte === 0) malformed(`${what} contains U+0000`)
      bits |= byte
    }
    if (bits < 0x80) return this.#ascii(from, at)
    if (!isUtf8(packet.subarray(from, at))) malformed(`${what} is no UTF-8`)
    return packet.utf8Slice(from, at)
  }

  /** A user property's name and value [2.2.2.2]. */
  userProperty(): [name: string, value: string] {
    const name = this.text('the name of a user property')
    return [name, this.text('a user property')]
  }

  binary(what: string): Buffer {
    const length = this.uint16(what)
    return this.packet.subarray(this.#take(length, what), this.at)
  }

  #ascii(from: number, to: number): string {
    if (this.#blockAt < 0) return this.packet.latin1Slice(from, to)
    this.#block ??= this.packet.latin1Slice(this.#blockAt, this.end)
    return this.#block.substring(from - this.#blockAt, to - this.#blockAt)
  }

  #take(length: number, what: string): number {
    const from = this.at
    if (length > this.end - from) malformed(`${what} reaches beyond the packet`)
    this.at = from + length
    return from
  }
}
