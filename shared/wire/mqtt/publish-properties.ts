import { putBinary, putText, putUint16, putUint32, putVarint, sizeOfBinary, sizeOfText, sizeOfVarint } from './bytes.ts'
import { MALFORMED, MalformedPacket, PROTOCOL_ERROR, TOPIC_ALIAS_INVALID } from './malformed.ts'
import type { Reader } from './reader.ts'

/** The properties of a PUBLISH [3.3.2.3]. */
export interface PublishProperties {
  payloadFormatIndicator?: boolean
  /** Seconds. */
  messageExpiryInterval?: number
  topicAlias?: number
  responseTopic?: string
  correlationData?: Buffer
  /** In order, which must be kept [MQTT-3.3.2-18]; names may repeat. */
  userProperties?: [name: string, value: string][]
  /** Several only from a server [3.3.2.3.8]; a client must not send any, which the caller checks [MQTT-3.3.4-6]. */
  subscriptionIdentifiers?: number[]
  contentType?: string
}

// The identifiers of the properties [2.2.2.2].
const PAYLOAD_FORMAT_INDICATOR = 0x01
const MESSAGE_EXPIRY_INTERVAL = 0x02
const CONTENT_TYPE = 0x03
const RESPONSE_TOPIC = 0x08
const CORRELATION_DATA = 0x09
const SUBSCRIPTION_IDENTIFIER = 0x0b
const TOPIC_ALIAS = 0x23
export const USER_PROPERTY = 0x26

const MAX_UINT16 = 0xffff
const MAX_UINT32 = 0xffff_ffff

/**
 * Reads properties up to the reader's end. Identifiers that do not belong to a PUBLISH are malformed [2.2.2.2]. Only user properties
 * and subscription identifiers may repeat.
 * @throws {MalformedPacket}
 */
export function readProperties(reader: Reader): PublishProperties {
  const read: PublishProperties = {}
  let seen = 0
  while (reader.at < reader.end) {
    const id = reader.byte('a property')
    if (id === USER_PROPERTY) {
      ;(read.userProperties ??= []).push(reader.userProperty())
      continue
    }
    if (id === SUBSCRIPTION_IDENTIFIER) {
      const identifier = reader.varint('a subscription identifier')
      if (identifier === 0) throw new MalformedPacket(PROTOCOL_ERROR, 'a subscription identifier of 0')
      ;(read.subscriptionIdentifiers ??= []).push(identifier)
      continue
    }
    const bit = id <= CORRELATION_DATA ? 1 << id : 1 // the topic alias uses bit 0, because there is no property 0
    if ((seen & bit) !== 0) throw new MalformedPacket(PROTOCOL_ERROR, `the property ${id} comes twice`)
    readOne(id, reader, read)
    seen |= bit
  }
  return read
}

function readOne(id: number, reader: Reader, read: PublishProperties): void {
  switch (id) {
    case PAYLOAD_FORMAT_INDICATOR: {
      const format = reader.byte('the payload format indicator')
      if (format > 1) throw new MalformedPacket(PROTOCOL_ERROR, `a payload format indicator of ${format}`)
      read.payloadFormatIndicator = format === 1
      return
    }
    case MESSAGE_EXPIRY_INTERVAL:
      read.messageExpiryInterval = reader.uint32('the message expiry interval')
      return
    case CONTENT_TYPE:
      read.contentType = reader.text('the content type')
      return
    case RESPONSE_TOPIC:
      read.responseTopic = reader.text('the response topic')
      return
    case CORRELATION_DATA:
      read.correlationData = reader.binary('the correlation data')
      return
    case TOPIC_ALIAS:
      read.topicAlias = reader.uint16('the topic alias')
      if (read.topicAlias === 0) throw new MalformedPacket(TOPIC_ALIAS_INVALID, 'a topic alias of 0') // [MQTT-3.3.2-8]
      return
    default:
      throw new MalformedPacket(MALFORMED, `a PUBLISH with the property ${id}`)
  }
}

/** @throws {RangeError} when a value is too large for its field */
export function sizeOfProperties(properties: PublishProperties): number {
  const { messageExpiryInterval: expiry, topicAlias, responseTopic, correlationData, contentType } = properties
  let size = 0
  if (properties.payloadFormatIndicator !== undefined) size += 2
  if (expiry !== undefined) size += sizeOfNumber(expiry, 4, 0, MAX_UINT32)
  if (topicAlias !== undefined) size += sizeOfNumber(topicAlias, 2, 1, MAX_UINT16)
  if (responseTopic !== undefined) size += 1 + sizeOfText(responseTopic)
  if (correlationData !== undefined) size += 1 + sizeOfBinary(correlationData)
  if (contentType !== undefined) size += 1 + sizeOfText(contentType)
  for (const identifier of properties.subscriptionIdentifiers ?? []) size += 1 + sizeOfVarint(identifier)
  return size + sizeOfUserProperties(properties.userProperties)
}

function sizeOfNumber(value: number, bytes: number, min: number, max: number): number {
  if (!(value >= min && value <= max)) throw new RangeError(`${value} is not within ${min} and ${max}`)
  return 1 + bytes
}

/** Writes properties whose size is known to fit, and returns the offset after them. */
export function putProperties(to: Buffer, at: number, properties: PublishProperties): number {
  const { messageExpiryInterval: expiry, topicAlias, responseTopic, correlationData, contentType } = properties
  if (properties.payloadFormatIndicator !== undefined) {
    to[at++] = PAYLOAD_FORMAT_INDICATOR
    to[at++] = properties.payloadFormatIndicator ? 1 : 0
  }
  if (expiry !== undefined) at = putUint32(to, putId(to, at, MESSAGE_EXPIRY_INTERVAL), expiry)
  if (topicAlias !== undefined) at = putUint16(to, putId(to, at, TOPIC_ALIAS), topicAlias)
  if (responseTopic !== undefined) at = putText(to, putId(to, at, RESPONSE_TOPIC), responseTopic)
  if (correlationData !== undefined) at = putBinary(to, putId(to, at, CORRELATION_DATA), correlationData)
  if (contentType !== undefined) at = putText(to, putId(to, at, CONTENT_TYPE), contentType)
  for (const identifier of properties.subscriptionIdentifiers ?? []) {
    at = putVarint(to, putId(to, at, SUBSCRIPTION_IDENTIFIER), identifier)
  }
  return putUserProperties(to, at, properties.userProperties)
}

type UserProperties = readonly (readonly [name: string, value: string])[]

/** @throws {RangeError} when a string has more than 65,535 bytes */
export function sizeOfUserProperties(pairs: UserProperties = []): number {
  let size = 0
  for (const [name, value] of pairs) size += 1 + sizeOfText(name) + sizeOfText(value)
  return size
}

export function putUserProperties(to: Buffer, at: number, pairs: UserProperties = []): number {
  for (const [name, value] of pairs) at = putText(to, putText(to, putId(to, at, USER_PROPERTY), name), value)
  return at
}

/** Room for what is encoded before its size is known. */
const together = Buffer.allocUnsafe(4_096)
/** Bytes of a character, at most. */
const PER_CHARACTER = 3

/**
 * User properties alone, as `encodePublish` takes them: in one pass, where sizes would be another.
 * @returns a part of a buffer that the next call fills anew, if they are short
 * @throws {RangeError} beyond 65,535 bytes of a text
 */
export function encodeUserProperties(properties: Readonly<Record<string, string>>): Buffer {
  let max = 0
  for (const name in properties) max += 5 + PER_CHARACTER * (name.length + properties[name]!.length)
  if (max <= together.length) {
    let at = 0
    for (const name in properties) {
      at = putText(together, putText(together, putId(together, at, USER_PROPERTY), name), properties[name]!)
    }
    return together.subarray(0, at)
  }
  const pairs = Object.entries(properties)
  const encoded = Buffer.allocUnsafe(sizeOfUserProperties(pairs))
  putUserProperties(encoded, 0, pairs)
  return encoded
}

function putId(to: Buffer, at: number, id: number): number {
  to[at] = id
  return at + 1
}
