/** What the broker says to a login [3.2]. */
export interface Connack {
  kind: 'connack'
  /** The broker kept the session. */
  isResumed: boolean
  /** 0x80 and above refuse the login. */
  reason: number
  /** The user id that the broker read from the token. */
  user: string | undefined
  /** Bytes of the largest packet that the broker takes. */
  maxPacketBytes: number
  /** Packets that may wait for their PUBACK. */
  receiveMaximum: number
  /** Milliseconds for which the broker knows a command's id. */
  idempotencyWindow: number
}

/** The packets that a client of QoS 1 receives. */
export type Packet =
  | Connack
  | { kind: 'publish'; payload: string; packetId: number | undefined; isDup: boolean }
  | { kind: 'puback' | 'suback'; packetId: number; reason: number }
  | { kind: 'disconnect'; reason: number }
  | { kind: 'pingresp' }

/** Milliseconds; the default of the broker's setting, for one that does not tell. */
const TEN_MINUTES = 600_000

const utf8 = new TextDecoder()
const NOTHING = new Uint8Array()
/** The least and the most that are believed of one packet. */
const MAX_BYTES = 16_777_216

/** Cuts a stream of bytes into packets. */
export class PacketStream {
  #bytes: Uint8Array = NOTHING

  /** The packets that are complete by now. @throws {RangeError} when the bytes are not MQTT */
  push(chunk: Uint8Array): Packet[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : joined(this.#bytes, chunk)
    const packets: Packet[] = []
    for (;;) {
      const head = headOf(this.#bytes)
      if (!head || this.#bytes.length < head.end) return packets
      packets.push(decode(this.#bytes.subarray(head.start, head.end), this.#bytes[0]!))
      this.#bytes = this.#bytes.length === head.end ? NOTHING : this.#bytes.subarray(head.end)
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length)
  whole.set(first)
  whole.set(second, first.length)
  return whole
}

/** Where the first packet's body is; undefined while its length has not arrived. */
function headOf(bytes: Uint8Array): { start: number; end: number } | undefined {
  let length = 0
  for (let i = 1; i < bytes.length; i++) {
    length |= (bytes[i]! & 0x7f) << (7 * (i - 1))
    if (bytes[i]! < 0x80) {
      if (length > MAX_BYTES) throw new RangeError(`a packet of ${length} bytes`)
      return { start: i + 1, end: i + 1 + length }
    }
    if (i === 4) throw new RangeError('a remaining length of more than 4 bytes')
  }
  return undefined
}

function decode(body: Uint8Array, first: number): Packet {
  const reader = new Reader(body)
  switch (first >>> 4) {
    case 2: {
      const isResumed = (reader.byte() & 1) === 1
      return { kind: 'connack', isResumed, reason: reader.byte(), ...reader.connackProperties() }
    }
    case 3: {
      reader.skip(reader.uint16()) // the topic: all events come on one
      const packetId = (first & 6) === 0 ? undefined : reader.uint16()
      reader.skip(reader.varint())
      return { kind: 'publish', payload: utf8.decode(reader.rest()), packetId, isDup: (first & 8) !== 0 }
    }
    case 4:
      return { kind: 'puback', packetId: reader.uint16(), reason: reader.isAtEnd ? 0 : reader.byte() }
    case 9: {
      const packetId = reader.uint16()
      reader.skip(reader.varint())
      return { kind: 'suback', packetId, reason: reader.byte() }
    }
    case 13:
      return { kind: 'pingresp' }
    case 14:
      return { kind: 'disconnect', reason: reader.isAtEnd ? 0 : reader.byte() }
    default:
      throw new RangeError(`an unexpected packet of type ${first >>> 4}`)
  }
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new RangeError('a packet that ends too early')
    return byte
  }

  uint16(): number {
    return (this.byte() << 8) | this.byte()
  }

  uint32(): number {
    return this.uint16() * 0x1_0000 + this.uint16()
  }

  varint(): number {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
      if (shift === 21) throw new RangeError('a variable byte integer of more than 4 bytes')
    }
  }

  text(): string {
    const length = this.uint16()
    return utf8.decode(this.#bytes.subarray(this.#at, (this.#at += length)))
  }

  skip(length: number): void {
    this.#at += length
    if (this.#at > this.#bytes.length) throw new RangeError('a packet that ends too early')
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at)
  }

  /** [3.2.2.3]. Every property that a CONNACK may have is read, since each has a length of its own. */
  connackProperties(): Omit<Connack, 'kind' | 'isResumed' | 'reason'> {
    const found = {
      user: undefined as string | undefined,
      maxPacketBytes: Infinity,
      receiveMaximum: 0xffff,
      idempotencyWindow: TEN_MINUTES,
    }
    if (this.isAtEnd) return found
    const length = this.varint()
    for (const end = this.#at + length; this.#at < end;) {
      const id = this.byte()
      if (id === 0x27) found.maxPacketBytes = this.uint32()
      else if (id === 0x21) found.receiveMaximum = this.uint16()
      else if (id === 0x26) {
        const [name, value] = [this.text(), this.text()]
        if (name === 'user-id') found.user = value
        else if (name === 'idempotency-window') found.idempotencyWindow = Number(value)
      } else if (id === 0x11) this.uint32()
      else if (id === 0x13 || id === 0x22) this.uint16()
      else if ([0x24, 0x25, 0x28, 0x29, 0x2a].includes(id)) this.byte()
      else if ([0x12, 0x15, 0x16, 0x1a, 0x1c, 0x1f].includes(id)) this.skip(this.uint16())
      else throw new RangeError(`an unknown property ${id}`)
    }
    return found
  }
}
