import { putText, putUint16, putVarint, sizeOfText, sizeOfVarint } from './bytes.ts'
import { bodyAt } from './frames.ts'
import { MALFORMED, MalformedPacket, PROTOCOL_ERROR } from './malformed.ts'
import { PROPERTY } from './properties.ts'
import { USER_PROPERTY } from './publish-properties.ts'
import type { Version } from './publish.ts'
import { Reader } from './reader.ts'

const PUBACK = 0x40
const SUCCESS = 0x00
/** The reason codes of a PUBACK [3.4.2.1]. */
const REASON_CODES: ReadonlySet<number> = new Set([SUCCESS, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])

/** Encodes a PUBACK [3.4]. Before MQTT 5 it has no reason; on MQTT 5 a code of 0 without a text is left out [3.4.2.1]. @throws {RangeError} */
export function encodePuback(messageId: number, version: Version, reasonCode = SUCCESS, reasonString?: string): Buffer {
  if (!(messageId > 0 && messageId <= 0xffff)) throw new RangeError(`a message id of ${messageId}`)
  if (version !== 5 || (reasonCode === SUCCESS && reasonString === undefined)) {
    const packet = Buffer.allocUnsafe(4)
    packet[0] = PUBACK
    packet[1] = 2
    putUint16(packet, 2, messageId)
    return packet
  }
  const properties = reasonString === undefined ? 0 : 1 + sizeOfText(reasonString)
  const length = 3 + sizeOfVarint(properties) + properties
  const packet = Buffer.allocUnsafe(1 + sizeOfVarint(length) + length)
  packet[0] = PUBACK
  let at = putUint16(packet, putVarint(packet, 1, length), messageId)
  packet[at++] = reasonCode
  at = putVarint(packet, at, properties)
  if (reasonString !== undefined) {
    packet[at++] = PROPERTY.reasonString
    putText(packet, at, reasonString)
  }
  return packet
}

/** A decoded PUBACK, without user properties. */
export interface Puback {
  messageId: number
  reasonCode: number
  reasonString: string | undefined
}

/** Decodes a complete PUBACK, as cut by `Frames`. @throws {MalformedPacket} */
export function decodePuback(packet: Buffer, version: Version): Puback {
  if (packet[0] !== PUBACK) throw new MalformedPacket(MALFORMED, 'a PUBACK with flags') // [MQTT-2.1.3-1]
  const reader = new Reader(packet, bodyAt(packet))
  const messageId = reader.uint16('the message id')
  if (messageId === 0) throw new MalformedPacket(PROTOCOL_ERROR, 'a message id of 0') // [MQTT-2.2.1-3]
  const puback: Puback = { messageId, reasonCode: SUCCESS, reasonString: undefined }
  if (reader.at === reader.end) return puback
  if (version !== 5) throw new MalformedPacket(MALFORMED, 'a PUBACK of more than 2 bytes')
  puback.reasonCode = reader.byte('the reason code')
  if (!REASON_CODES.has(puback.reasonCode)) {
    throw new MalformedPacket(PROTOCOL_ERROR, `a PUBACK with the reason code ${puback.reasonCode}`) // [MQTT-3.4.2-1]
  }
  if (reader.at === reader.end) return puback // [3.4.2.2.1]
  const length = reader.varint('the length of the properties')
  if (length !== reader.end - reader.at) throw new MalformedPacket(MALFORMED, 'properties that do not fill the PUBACK')
  while (reader.at < reader.end) readProperty(reader, puback)
  return puback
}

function readProperty(reader: Reader, puback: Puback): void {
  const id = reader.byte('a property')
  if (id === USER_PROPERTY) {
    reader.userProperty()
    return
  }
  if (id !== PROPERTY.reasonString) throw new MalformedPacket(MALFORMED, `a PUBACK with the property ${id}`)
  if (puback.reasonString !== undefined) throw new MalformedPacket(PROTOCOL_ERROR, 'the reason string comes twice')
  puback.reasonString = reader.text('the reason string')
}
