import { MALFORMED, MalformedPacket, PROTOCOL_ERROR } from './malformed.ts'
import { USER_PROPERTY } from './publish-properties.ts'
import type { Reader } from './reader.ts'

/** The identifiers of properties that we read or write [2.2.2.2]. */
export const PROPERTY = {
  serverKeepAlive: 0x13,
  reasonString: 0x1f,
  receiveMaximum: 0x21,
  maximumPacketSize: 0x27,
} as const

type Value = number | string | Buffer

/** How each property of a server's packet is read [2.2.2.2], except user properties and those of a PUBLISH. */
const READS = new Map<number, (reader: Reader) => Value>([
  ...[0x24, 0x25, 0x28, 0x29, 0x2a].map((id) => [id, (reader: Reader) => reader.byte('a property')] as const),
  ...[0x13, 0x21, 0x22].map((id) => [id, (reader: Reader) => reader.uint16('a property')] as const),
  ...[0x11, 0x27].map((id) => [id, (reader: Reader) => reader.uint32('a property')] as const),
  ...[0x12, 0x15, 0x1a, 0x1c, 0x1f].map((id) => [id, (reader: Reader) => reader.text('a property')] as const),
  [0x16, (reader) => reader.binary('a property')],
])

/**
 * Reads the length and the properties of a CONNACK, SUBACK, UNSUBACK or DISCONNECT. Drops user properties. Does not check whether a
 * property belongs to that packet.
 * @throws {MalformedPacket}
 */
export function readAnyProperties(reader: Reader): Map<number, Value> {
  const read = new Map<number, Value>()
  const length = reader.varint('the length of the properties')
  const end = reader.at + length
  if (end > reader.end) throw new MalformedPacket(MALFORMED, 'the properties reach beyond the packet')
  while (reader.at < end) {
    const id = reader.byte('a property')
    if (id === USER_PROPERTY) {
      reader.userProperty()
      continue
    }
    const value = READS.get(id)?.(reader)
    if (value === undefined) throw new MalformedPacket(MALFORMED, `there is no property ${id}`)
    if (read.has(id)) throw new MalformedPacket(PROTOCOL_ERROR, `the property ${id} comes twice`)
    read.set(id, value)
  }
  if (reader.at > end) throw new MalformedPacket(MALFORMED, 'a property reaches beyond the properties')
  return read
}
