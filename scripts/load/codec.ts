// The part of MQTT 5 that a device under load needs: CONNECT, SUBSCRIBE, PUBLISH and PUBACK at QoS 0 and 1. It is written for a
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

/** Keepalive 0: nobody here sends PINGREQ, and a broker may hold the connection to a time of its own. */
const KEEPALIVE = 0
const [CLEAN_START, PASSWORD, USERNAME] = [0x02, 0x40, 0x80]

export function connectPacket({ clientId, username, password }: Login): Buffer {
  const flags = CLEAN_START | PASSWORD | USERNAME
  const head = Buffer.from([0, 4, ...Buffer.from('MQTT'), 5, flags, KEEPALIVE >> 8, KEEPALIVE & 0xff, 0])
  return packet(0x10, [head, text(clientId), text(username), text(password)])
}

export function subscribePacket(id: number, filters: readonly string[], qos: 0 | 1): Buffer {
  const entries = filters.flatMap((filter) => [text(filter), Buffer.from([qos])])
  return packet(0x82, [Buffer.from([id >> 8, id & 0xff, 0]), ...entries])
}

/** @returns the packet with the packet id 0, and where the id belongs (-1 at QoS 0) */
export function publishPacket(topic: string, payload: string, qos: 0 | 1): { bytes: Buffer; idAt: number } {
  const body = Buffer.from(payload)
  const rest = qos === 0 ? [Buffer.from([0])] : [Buffer.from([0, 0, 0])]
  const bytes = packet(0x30 | (qos << 1), [text(topic), ...rest, body])
  return { bytes, idAt: qos === 0 ? -1 : bytes.length - body.length - 3 }
}

export function pubackPacket(id: number): Buffer {
  return Buffer.from([0x40, 2, id >> 8, id & 0xff])
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

function packet(first: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const size: number[] = []
  let left = body.length
  do {
    size.push(left < 0x80 ? left : (left & 0x7f) | 0x80)
    left >>= 7
  } while (left > 0)
  return Buffer.concat([Buffer.from([first, ...size]), body])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}
