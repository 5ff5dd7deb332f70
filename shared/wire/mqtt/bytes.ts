declare global {
  interface Buffer {
    // Node's own methods below `toString` and `write`, which first look for the encoding by its name. Texts go through them for
    // each packet.
    latin1Slice(start: number, end: number): string
    utf8Slice(start: number, end: number): string
    latin1Write(text: string, at: number): number
    utf8Write(text: string, at: number): number
  }
}

/** The largest variable byte integer, which bounds the remaining length [1.5.5]. */
export const MAX_VARINT = 268_435_455
const MAX_TEXT = 65_535
/** Up to this many characters a loop writes a text faster than a call into Node. */
const SHORT = 16

/** The fewest bytes that hold a variable byte integer [MQTT-1.5.5-1]. */
export function sizeOfVarint(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  if (value <= MAX_VARINT) return 4
  throw new RangeError(`${value} does not fit into a variable byte integer`)
}

/** The bytes of a string with its length. @throws {RangeError} beyond 65,535 bytes [1.5.4] */
export function sizeOfText(text: string): number {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_TEXT) throw new RangeError(`an MQTT string has at most ${MAX_TEXT} bytes, this one has ${bytes}`)
  return 2 + bytes
}

/** The bytes of binary data with its length. @throws {RangeError} beyond 65,535 bytes [1.5.6] */
export function sizeOfBinary({ length }: Buffer): number {
  if (length > MAX_TEXT) throw new RangeError(`binary data has at most ${MAX_TEXT} bytes, this has ${length}`)
  return 2 + length
}

// Each of these writes one value at an offset, and returns the offset after it.

export function putUint16(to: Buffer, at: number, value: number): number {
  to[at] = value >>> 8
  to[at + 1] = value
  return at + 2
}

export function putUint32(to: Buffer, at: number, value: number): number {
  return putUint16(to, putUint16(to, at, value >>> 16), value)
}

export function putVarint(to: Buffer, at: number, value: number): number {
  while (value > 0x7f) {
    to[at++] = value | 0x80
    value >>>= 7
  }
  to[at] = value
  return at + 1
}

export function putText(to: Buffer, at: number, text: string): number {
  const { length } = text
  if (length <= SHORT) {
    let bits = 0
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      bits |= code
      to[at + 2 + i] = code
    }
    if (bits < 0x80) return putUint16(to, at, length) + length
  }
  const bytes = to.utf8Write(text, at + 2)
  return putUint16(to, at, bytes) + bytes
}

export function putBinary(to: Buffer, at: number, data: Buffer): number {
  to.set(data, putUint16(to, at, data.length))
  return at + 2 + data.length
}
