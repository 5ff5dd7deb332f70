import { crc32 } from 'node:zlib'
import type { Texts } from './texts.ts'

// The binary form of records. The first byte is the version of the layout; the last four are the CRC-32 of everything before them,
// since LMDB keeps no checksums. Between them are the fields that the codec writes:
//
//   count     a whole number from 0 up: seven bits a byte, lowest first; the highest bit says that more bytes follow
//   number    a double, little-endian
//   text      a count of bytes, then UTF-8
//   bytes     a count, then the bytes
//   maybe …   the same with the count raised by 1, so that 0 means "none"
//
// The whole record is checked before any field is used.

const CRC = 4
/** The CRC-32 of any bytes that end with their own CRC-32. */
const RIGHT = 0x2144df1c
const [ZERO, A, TILDE] = [0x30, 0x61, 0x7e]
/** Smallest buffer in which records are built, in bytes. */
const MIN_BUFFER = 1_024

/** How a table's values are read. */
export interface Decoder<Value> {
  /** @throws {Broken} */
  decode(bytes: Buffer): Value
  /** What is lost with an unreadable record, for the log. */
  readonly holds: string
  /** Decoded values hold strings and numbers alone, so the bytes may be reused for the next record. */
  readonly keepsNoBytes?: true
}

/** How a table's values are read and written. */
export interface Codec<Value> extends Decoder<Value> {
  encode(value: Value): Buffer
}

/** A record that differs from what was written. */
export class Broken extends Error {
  override name = 'Broken'
}

/** Writes records one after another, each into a buffer of its own. */
export class Writer {
  #bytes = Buffer.allocUnsafe(MIN_BUFFER)
  #at = 0

  begin(version: number): void {
    this.#at = 0
    this.#bytes[this.#at++] = version
  }

  end(): Buffer {
    this.#room(CRC)
    const size = this.#at + CRC
    const record = Buffer.allocUnsafe(size)
    record.set(this.#bytes.subarray(0, size))
    record.writeUInt32LE(crc32(record.subarray(0, this.#at)), this.#at)
    if (this.#bytes.length > 64 * MIN_BUFFER) this.#bytes = Buffer.allocUnsafe(MIN_BUFFER)
    return record
  }

  count(value: number): void {
    this.#room(8)
    let rest = value
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 0x80
    this.#bytes[this.#at++] = rest
  }

  number(value: number): void {
    this.#room(8)
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }

  text(value: string): void {
    this.#text(value, 0)
  }

  maybeText(value: string | undefined): void {
    if (value === undefined) this.count(0)
    else this.#text(value, 1)
  }

  bytes(value: Uint8Array): void {
    this.#put(value, 0)
  }

  maybeBytes(value: Uint8Array | undefined): void {
    if (value === undefined) this.count(0)
    else this.#put(value, 1)
  }

  #text(value: string, more: number): void {
    // UTF-8 takes at most three bytes per UTF-16 unit, so a short text's size fits one byte and need not be computed first.
    if (value.length * 3 + more < 0x80) {
      this.#room(value.length * 3 + 1)
      const size = this.#bytes.utf8Write(value, this.#at + 1)
      this.#bytes[this.#at] = size + more
      this.#at += size + 1
      return
    }
    const size = Buffer.byteLength(value)
    this.count(size + more)
    this.#room(size)
    this.#at += this.#bytes.utf8Write(value, this.#at)
  }

  #put(value: Uint8Array, more: number): void {
    this.count(value.length + more)
    this.#room(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

/** Reads one record. */
export class Reader {
  readonly #bytes: Buffer
  readonly #end: number
  #at = 1

  /** @throws {Broken} when the record is cut off, has a wrong checksum, or has another version */
  constructor(bytes: Buffer, version: number) {
    this.#bytes = bytes
    this.#end = bytes.length - CRC
    if (this.#end < 1) throw new Broken('it is cut off')
    if (crc32(bytes) !== RIGHT) throw new Broken('its checksum is wrong')
    if (bytes[0] !== version) throw new Broken(`its layout has version ${bytes[0]}, expected ${version}`)
  }

  count(): number {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = this.#bytes[this.#advance(1)]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
  }

  number(): number {
    return this.#bytes.readDoubleLE(this.#advance(8))
  }

  text(): string {
    return this.#text(this.count())
  }

  maybeText(): string | undefined {
    const size = this.count()
    return size === 0 ? undefined : this.#text(size - 1)
  }

  /** A text that other records share. */
  textOf(texts: Texts): string {
    const size = this.count()
    const at = this.#advance(size)
    return texts.of(this.#bytes, at, size)
  }

  /** A text; or undefined, without decoding it, if it ends with `~` and this number in base 36. */
  textUnless(ending: number): string | undefined {
    const size = this.count()
    const at = this.#advance(size)
    let [found, scale] = [0, 1]
    for (let i = at + size - 1; i >= at; i--) {
      const byte = this.#bytes[i]!
      if (byte === TILDE) {
        if (found === ending) return undefined
        break
      }
      // Digits are 0-9 and a-z; other bytes yield a number that does not match.
      found += scale * (byte >= A ? byte - A + 10 : byte - ZERO)
      scale *= 36
    }
    return this.#bytes.toString('utf8', at, at + size)
  }

  bytes(): Buffer {
    return this.#slice(this.count())
  }

  /** Skips bytes; returns how many. */
  skipBytes(): number {
    const size = this.count()
    this.#advance(size)
    return size
  }

  /** Skips `maybe` bytes; returns how many. */
  skipMaybe(): number {
    const size = this.count()
    if (size > 0) this.#advance(size - 1)
    return Math.max(size - 1, 0)
  }

  maybeBytes(): Buffer | undefined {
    const size = this.count()
    return size === 0 ? undefined : this.#slice(size - 1)
  }

  #text(size: number): string {
    const at = this.#advance(size)
    return this.#bytes.toString('utf8', at, at + size)
  }

  #slice(size: number): Buffer {
    const at = this.#advance(size)
    return this.#bytes.subarray(at, at + size)
  }

  #advance(size: number): number {
    const at = this.#at
    if (at + size > this.#end) throw new Broken('a field is longer than the record')
    this.#at = at + size
    return at
  }
}
