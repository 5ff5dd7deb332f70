// The packets that a client sends, as MQTT 5 writes them. Clauses are those of the standard.

const utf8 = new TextEncoder()
type Bytes = readonly number[] | Uint8Array

/** A login that resumes its session, without a will. */
export interface Login {
  clientId: string
  username: string
  password: string
  /** Seconds. */
  keepAlive: number
  /** Seconds that the session outlives the connection. */
  sessionExpiry: number
}

/** CONNECT [3.1]. */
export function connectPacket({ clientId, username, password, keepAlive, sessionExpiry }: Login): Uint8Array {
  const properties = [0x11, ...uint32(sessionExpiry)]
  return packet(
    0x10,
    text('MQTT'),
    [5, 0xc0, ...uint16(keepAlive)], // username and password; no clean start
    [...varint(properties.length), ...properties],
    text(clientId),
    text(username),
    text(password),
  )
}

/** PUBLISH without properties [3.3]; a packet id makes it QoS 1. */
export function publishPacket(topic: string, payload: Uint8Array, packetId?: number): Uint8Array {
  const qos = packetId === undefined ? 0 : 1
  return packet(0x30 | (qos << 1), text(topic), packetId === undefined ? [] : uint16(packetId), [0], payload)
}

/** PUBACK of success [3.4.2.1]. */
export function pubackPacket(packetId: number): Uint8Array {
  return packet(0x40, uint16(packetId))
}

/** SUBSCRIBE to one filter at QoS 1 [3.8]. */
export function subscribePacket(filter: string, packetId: number): Uint8Array {
  return packet(0x82, uint16(packetId), [0], text(filter), [1])
}

/** PINGREQ [3.12]. */
export const PING = Uint8Array.of(0xc0, 0)

/** DISCONNECT that ends the session too [3.14.2.2.2]. */
export const GOODBYE = Uint8Array.of(0xe0, 7, 0, 5, 0x11, 0, 0, 0, 0)

export function bytesOf(value: string): Uint8Array {
  return utf8.encode(value)
}

function packet(first: number, ...parts: Bytes[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const head = [first, ...varint(length)]
  const whole = new Uint8Array(head.length + length)
  let at = 0
  for (const part of [head, ...parts]) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** A string with its length [1.5.4]. @throws {RangeError} beyond 65,535 bytes */
function text(value: string): Uint8Array {
  const bytes = utf8.encode(value)
  if (bytes.length > 0xffff)
    throw new RangeError(`an MQTT string has at most 65,535 bytes, this one has ${bytes.length}`)
  const whole = new Uint8Array(2 + bytes.length)
  whole.set(uint16(bytes.length))
  whole.set(bytes, 2)
  return whole
}

function uint16(value: number): number[] {
  return [(value >>> 8) & 0xff, value & 0xff]
}

function uint32(value: number): number[] {
  return [...uint16(value >>> 16), ...uint16(value)]
}

/** A variable byte integer [1.5.5]. */
function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  return [...bytes, value]
}
