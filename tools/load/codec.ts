import { encodeConnect } from '../../shared/wire/mqtt/connect.ts'
import { bodyAt } from '../../shared/wire/mqtt/frames.ts'
import { encodePuback } from '../../shared/wire/mqtt/puback.ts'
import { encodePublish } from '../../shared/wire/mqtt/publish.ts'
import { encodeSubscribe } from '../../shared/wire/mqtt/subscribe.ts'

// The part of MQTT 5 that a device under load needs: CONNECT, SUBSCRIBE, PUBLISH and PUBACK at QoS 0 and 1. It writes by the
// platform's codec. It reads by its own, which keeps and copies nothing: all sockets read into one buffer. That is written for a
// broker that keeps to the protocol, and is no defence against one that does not.

export interface Login {
  clientId: string
  username: string
  password: string
}

/** What a broker says, packet by packet. The payload of a PUBLISH is only there during the call. */
export interface Sink {
  connack(reason: number): void
  suback(id: number, reasons: number[]): void
  puback(id: number, reason: number): void
  /** @param id of the packet; 0 at QoS 0 */
  publish(bytes: Buffer, from: number, to: number, id: number): void
  disconnect(reason: number): void
}

/** Nobody here sends PINGREQ, and a broker may hold the connection to a time of its own. */
const NO_KEEPALIVE = 0
/** As many as there are message ids: what a broker takes a client to want that says nothing. */
const NO_LIMIT = 65_535

export function connectPacket(login: Login): Buffer {
  return encodeConnect({ ...login, keepalive: NO_KEEPALIVE, receiveMaximum: NO_LIMIT, userProperties: [] })
}

export const subscribePacket = encodeSubscribe

/** @returns the packet, and where its packet id belongs, which is to be written over (-1 at QoS 0) */
export function publishPacket(topic: string, payload: string, qos: 0 | 1): { bytes: Buffer; idAt: number } {
  const bytes = encodePublish({ topic, payload, qos, dup: false, retain: false, messageId: qos }, 5)
  return { bytes, idAt: qos === 0 ? -1 : bodyAt(bytes) + 2 + Buffer.byteLength(topic) }
}

export function pubackPacket(id: number): Buffer {
  return encodePuback(id, 5)
}

export const DISCONNECT = Buffer.from([0xe0, 0])

/** Finds the packets in what arrives, however it is cut. */
export class Reader {
  readonly #sink: Sink
  #rest: Buffer | undefined

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** @param chunk is read before the call returns, and kept by nobody */
  read(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk
    let at = 0
    for (;;) {
      const size = varint(bytes, at + 1)
      if (!size || size.next + size.value > bytes.length) break
      const end = size.next + size.value
      this.#take(bytes, bytes[at]!, size.next, end)
      at = end
    }
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at))
  }

  #take(bytes: Buffer, first: number, at: number, end: number): void {
    switch (first >> 4) {
      case 2:
        return this.#sink.connack(bytes[at + 1]!)
      case 3:
        return this.#publish(bytes, (first >> 1) & 3, at, end)
      case 4:
        return this.#sink.puback(bytes.readUInt16BE(at), end - at > 2 ? bytes[at + 2]! : 0)
      case 9:
        return this.#sink.suback(bytes.readUInt16BE(at), [...bytes.subarray(behindProperties(bytes, at + 2), end)])
      case 14:
        return this.#sink.disconnect(end > at ? bytes[at]! : 0)
    }
  }

  #publish(bytes: Buffer, qos: number, at: number, end: number): void {
    let next = at + 2 + bytes.readUInt16BE(at)
    let id = 0
    if (qos > 0) {
      id = bytes.readUInt16BE(next)
      next += 2
    }
    this.#sink.publish(bytes, behindProperties(bytes, next), end, id)
  }
}

function behindProperties(bytes: Buffer, at: number): number {
  const size = varint(bytes, at)!
  return size.next + size.value
}

/** A variable byte integer [MQTT-1.5.5]; undefined when it is not all there. */
function varint(bytes: Buffer, at: number): { value: number; next: number } | undefined {
  let [value, shift] = [0, 0]
  for (let next = at; next < bytes.length; next++, shift += 7) {
    const byte = bytes[next]!
    value += (byte & 0x7f) << shift
    if (byte < 0x80) return { value, next: next + 1 }
  }
  return undefined
}
