import { putText, putUint16, putVarint, sizeOfText, sizeOfVarint } from './bytes.ts'
import { bodyAt } from './frames.ts'
import { PROPERTY, readAnyProperties } from './properties.ts'
import { putUserProperties, sizeOfUserProperties } from './publish-properties.ts'
import { Reader } from './reader.ts'

const CONNECT = 0x10
const USERNAME = 0x80
const PASSWORD = 0x40
const CLEAN_START = 0x02
const LEVEL = 5

/** A login for MQTT 5, with a clean start and without a will. */
export interface Login {
  clientId: string
  username: string
  password: string
  /** Seconds. */
  keepalive: number
  receiveMaximum: number
  userProperties: readonly (readonly [name: string, value: string])[]
}

/** Encodes a CONNECT [3.1]. @throws {RangeError} when a value is too large for its field */
export function encodeConnect(login: Login): Buffer {
  const { clientId, username, password, keepalive, receiveMaximum, userProperties } = login
  const properties = 1 + 2 + sizeOfUserProperties(userProperties)
  const texts = sizeOfText(clientId) + sizeOfText(username) + sizeOfText(password)
  const length = sizeOfText('MQTT') + 1 + 1 + 2 + sizeOfVarint(properties) + properties + texts
  const packet = Buffer.allocUnsafe(1 + sizeOfVarint(length) + length)
  packet[0] = CONNECT
  let at = putText(packet, putVarint(packet, 1, length), 'MQTT')
  packet[at++] = LEVEL
  packet[at++] = USERNAME | PASSWORD | CLEAN_START
  at = putVarint(packet, putUint16(packet, at, keepalive), properties)
  packet[at++] = PROPERTY.receiveMaximum
  at = putUint16(packet, at, receiveMaximum)
  at = putUserProperties(packet, at, userProperties)
  for (const text of [clientId, username, password]) at = putText(packet, at, text)
  return packet
}

/** What a server allows a client [3.2.2.3]. */
export interface Connack {
  /** 0x80 and above refuse the connection [3.2.2.2]. */
  reasonCode: number
  reasonString: string | undefined
  /** Seconds; undefined when the server accepts the client's. */
  serverKeepAlive: number | undefined
  receiveMaximum: number
  /** Undefined without a limit. */
  maximumPacketSize: number | undefined
}

/** Decodes a complete CONNACK [3.2]. @throws {MalformedPacket} */
export function decodeConnack(packet: Buffer): Connack {
  const reader = new Reader(packet, bodyAt(packet))
  reader.byte('the flags')
  const reasonCode = reader.byte('the reason code')
  const properties = reader.at < reader.end ? readAnyProperties(reader) : new Map<number, number | string | Buffer>()
  const number = (id: number): number | undefined => {
    const value = properties.get(id)
    return typeof value === 'number' ? value : undefined
  }
  const reasonString = properties.get(PROPERTY.reasonString)
  return {
    reasonCode,
    reasonString: typeof reasonString === 'string' ? reasonString : undefined,
    serverKeepAlive: number(PROPERTY.serverKeepAlive),
    receiveMaximum: number(PROPERTY.receiveMaximum) ?? 65_535,
    maximumPacketSize: number(PROPERTY.maximumPacketSize),
  }
}
