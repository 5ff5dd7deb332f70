import { MAX_VARINT, putText, putUint16, putVarint, sizeOfText, sizeOfVarint } from './bytes.ts'
import { bodyAt } from './frames.ts'
import { MALFORMED, MalformedPacket, PROTOCOL_ERROR } from './malformed.ts'
import { putProperties, readProperties, sizeOfProperties, type PublishProperties } from './publish-properties.ts'
import { Reader } from './reader.ts'

export type { PublishProperties } from './publish-properties.ts'

/** The protocol level of a connection. MQTT 3.1 and 3.1.1 have the same PUBLISH. */
export type Version = 3 | 4 | 5

/** One PUBLISH [3.3]. */
export interface Publish {
  /** Empty only with a topic alias. The caller refuses wildcards [MQTT-3.3.2-2]. */
  topic: string
  payload: Buffer
  qos: 0 | 1 | 2
  dup: boolean
  retain: boolean
  /** 0 at QoS 0. */
  messageId: number
  properties: PublishProperties | undefined
}

const PUBLISH = 0x30
const DUP = 0x08
const RETAIN = 0x01

/**
 * Decodes a complete PUBLISH, as cut by `Frames`. The payload is a part of the packet, not a copy. Accepts DUP at QoS 0, which must not
 * be sent [MQTT-3.3.1-2], because it means nothing to the receiver.
 * @throws {MalformedPacket}
 */
export function decodePublish(packet: Buffer, version: Version): Publish {
  const flags = packet[0]!
  const qos = (flags >> 1) & 3
  if (qos === 3) throw new MalformedPacket(MALFORMED, 'a PUBLISH of QoS 3') // [MQTT-3.3.1-4]
  const reader = new Reader(packet, bodyAt(packet))
  const topic = reader.text('the topic')
  let messageId = 0
  if (qos > 0) {
    messageId = reader.uint16('the message id')
    if (messageId === 0) throw new MalformedPacket(PROTOCOL_ERROR, 'a message id of 0') // [MQTT-2.2.1-3]
  }
  let properties: PublishProperties | undefined
  if (version === 5) {
    const length = reader.varint('the length of the properties')
    if (length > 0) {
      reader.narrow(length, 'the properties')
      properties = readProperties(reader)
    }
  }
  if (topic === '' && properties?.topicAlias === undefined) {
    throw new MalformedPacket(PROTOCOL_ERROR, 'neither a topic nor a topic alias') // [MQTT-4.7.3-1], [3.3.2.1]
  }
  const payload = packet.subarray(reader.at)
  return {
    topic,
    payload,
    qos: qos as 0 | 1 | 2,
    dup: (flags & DUP) !== 0,
    retain: (flags & RETAIN) !== 0,
    messageId,
    properties,
  }
}

/** A PUBLISH to be encoded. Properties that stay the same are encoded once, by `encodeProperties`. */
export type OutgoingPublish = Omit<Publish, 'payload' | 'properties'> & {
  payload: Buffer | string
  properties?: PublishProperties | Buffer | undefined
}

/**
 * Encodes a PUBLISH into one new buffer. Leaves out properties before MQTT 5.
 * @throws {RangeError} when a string, a number or the whole packet is too large
 */
export function encodePublish(publish: OutgoingPublish, version: Version): Buffer {
  const { topic, payload, qos, messageId } = publish
  const properties = version === 5 ? publish.properties : undefined
  const propertiesSize = sizeOf(properties)
  let length = sizeOfText(topic) + (typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length)
  if (qos > 0) length += 2
  if (version === 5) length += sizeOfVarint(propertiesSize) + propertiesSize
  if (length > MAX_VARINT) throw new RangeError(`a PUBLISH of ${length} bytes; MQTT has at most ${MAX_VARINT}`)
  const packet = Buffer.allocUnsafe(1 + sizeOfVarint(length) + length)
  packet[0] = PUBLISH | (publish.dup ? DUP : 0) | (qos << 1) | (publish.retain ? RETAIN : 0)
  let at = putText(packet, putVarint(packet, 1, length), topic)
  if (qos > 0) {
    if (!(messageId > 0 && messageId <= 0xffff)) throw new RangeError(`a message id of ${messageId}`)
    at = putUint16(packet, at, messageId)
  }
  if (version === 5) {
    at = putVarint(packet, at, propertiesSize)
    if (Buffer.isBuffer(properties)) packet.set(properties, at)
    else if (properties !== undefined) putProperties(packet, at, properties)
    at += propertiesSize
  }
  if (typeof payload === 'string') packet.utf8Write(payload, at)
  else packet.set(payload, at)
  return packet
}

/** Encodes properties without their length, for any number of calls of `encodePublish`. @throws {RangeError} */
export function encodeProperties(properties: PublishProperties): Buffer {
  const encoded = Buffer.allocUnsafe(sizeOfProperties(properties))
  putProperties(encoded, 0, properties)
  return encoded
}

function sizeOf(properties: PublishProperties | Buffer | undefined): number {
  if (properties === undefined) return 0
  return Buffer.isBuffer(properties) ? properties.length : sizeOfProperties(properties)
}
