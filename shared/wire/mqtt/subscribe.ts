import { putText, putUint16, putVarint, sizeOfText, sizeOfVarint } from './bytes.ts'
import { bodyAt } from './frames.ts'
import { readAnyProperties } from './properties.ts'
import { Reader } from './reader.ts'

/** Both have the reserved flags 0010 [MQTT-3.8.1-1], [MQTT-3.10.1-1]. */
const SUBSCRIBE = 0x82
const UNSUBSCRIBE = 0xa2

/** Encodes an MQTT 5 SUBSCRIBE to these filters, all at this QoS [3.8]. */
export function encodeSubscribe(messageId: number, filters: readonly string[], qos: 0 | 1): Buffer {
  return encodeList(SUBSCRIBE, messageId, filters, qos)
}

/** Encodes an MQTT 5 UNSUBSCRIBE [3.10]. */
export function encodeUnsubscribe(messageId: number, filters: readonly string[]): Buffer {
  return encodeList(UNSUBSCRIBE, messageId, filters, undefined)
}

function encodeList(kind: number, messageId: number, filters: readonly string[], options: number | undefined): Buffer {
  let length = 2 + 1
  for (const filter of filters) length += sizeOfText(filter) + (options === undefined ? 0 : 1)
  const packet = Buffer.allocUnsafe(1 + sizeOfVarint(length) + length)
  packet[0] = kind
  let at = putUint16(packet, putVarint(packet, 1, length), messageId)
  at = putVarint(packet, at, 0) // no properties
  for (const filter of filters) {
    at = putText(packet, at, filter)
    if (options !== undefined) packet[at++] = options
  }
  return packet
}

/** Decodes a complete MQTT 5 SUBACK or UNSUBACK [3.9], [3.11], with a reason code for each filter. @throws {MalformedPacket} */
export function decodeSuback(packet: Buffer): { messageId: number; reasonCodes: number[] } {
  const reader = new Reader(packet, bodyAt(packet))
  const messageId = reader.uint16('the message id')
  readAnyProperties(reader)
  return { messageId, reasonCodes: [...packet.subarray(reader.at)] }
}
