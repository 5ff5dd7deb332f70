import { bodyAt } from '../../wire/mqtt/frames.ts'
import type { Connack } from '../../wire/mqtt/connect.ts'
import { MALFORMED, MalformedPacket, PROTOCOL_ERROR } from '../../wire/mqtt/malformed.ts'
import { decodePuback, encodePuback } from '../../wire/mqtt/puback.ts'
import { decodePublish, encodePublish, type Publish } from '../../wire/mqtt/publish.ts'
import { decodeSuback, encodeSubscribe, encodeUnsubscribe } from '../../wire/mqtt/subscribe.ts'
import { BrokerRefusal, ConnectionLost, TooLarge } from './client-faults.ts'
import { LARGEST_PACKET, Link, type LinkOptions } from './link.ts'

const VERSION = 5
/** Milliseconds between the loss of a connection and the next attempt. */
const PAUSE = 500

/** What a client reports. */
export interface ClientListener {
  connected(connack: Connack): void
  message(publish: Publish): void
  /** The broker has answered a PUBLISH or a PINGREQ: it is alive. */
  heard(): void
  /** An established connection was lost. */
  lost(): void
  /** The broker cannot be reached: reported for the first failed connection, at the start or after a loss. */
  away(): void
  /** A connection failed: with a `BrokerRefusal`, `MalformedPacket`, `ConnectionLost` or an error of the socket. */
  failed(err: Error): void
}

/** Called when a PUBLISH has ended: without an error when the broker has accepted it, else with `BrokerRefusal`, `ConnectionLost` or `TooLarge`. */
export type Answered = (err?: Error) => void

/**
 * An MQTT 5 client for a handler process: QoS 0 and 1, a clean start with each connection, and reconnecting until it is ended.
 * What was not answered when the connection was lost is not sent again: it belonged to that connection.
 */
export class Client {
  readonly #options: LinkOptions
  readonly #listener: ClientListener
  #link: Link
  #isUp = false
  #isAway = false
  #isEnded = false
  #pause: NodeJS.Timeout | undefined
  #receiveMaximum = 0
  #maximumPacketSize = 0
  /** Requests waiting for the broker's answer, by message id: called with that packet, or undefined when the connection is lost. */
  readonly #asked = new Map<number, (packet: Buffer | undefined) => void>()
  #lastId = 0
  #publishing = 0
  /** Publishes that must wait, because as many as the Receive Maximum are unanswered [MQTT-3.3.4-9]. */
  #waiting: { topic: string; payload: string; answered: Answered }[] = []

  constructor(options: LinkOptions, listener: ClientListener) {
    this.#options = options
    this.#listener = listener
    this.#link = this.#connect()
  }

  get isConnected(): boolean {
    return this.#isUp
  }

  /** Identifies the current connection; undefined when there is none. */
  get connection(): object | undefined {
    return this.#isUp ? this.#link : undefined
  }

  /** Publishes at QoS 0; does nothing when not connected. */
  send(topic: string, payload: string): void {
    if (this.#isUp) this.#link.write(publishOf(topic, payload, 0))
  }

  /** Publishes at QoS 1. */
  publish(topic: string, payload: string, answered: Answered): void {
    if (!this.#isUp) return answered(new ConnectionLost())
    if (this.#publishing >= this.#receiveMaximum) return void this.#waiting.push({ topic, payload, answered })
    const id = this.#nextId()
    const packet = publishOf(topic, payload, id)
    if (packet.length > this.#maximumPacketSize) return answered(new TooLarge(packet.length, this.#maximumPacketSize))
    this.#publishing++
    this.#asked.set(id, (puback) => {
      this.#publishing--
      if (!puback) return answered(new ConnectionLost())
      const { reasonCode, reasonString } = decodePuback(puback, VERSION)
      answered(reasonCode < 0x80 ? undefined : new BrokerRefusal(reasonCode, reasonString))
      this.#publishWaiting()
    })
    this.#link.write(packet)
  }

  /** Publishes what waits, as far as the Receive Maximum allows. What is too large fails, and takes no room. */
  #publishWaiting(): void {
    while (this.#publishing < this.#receiveMaximum && this.#waiting.length > 0) {
      const { topic, payload, answered } = this.#waiting.shift()!
      this.publish(topic, payload, answered)
    }
  }

  /** Subscribes to all filters, and resolves with the reason code for each. @throws {ConnectionLost} */
  subscribe(filters: readonly string[], qos: 0 | 1): Promise<number[]> {
    return this.#ask((id) => encodeSubscribe(id, filters, qos))
  }

  /** @throws {ConnectionLost} */
  async unsubscribe(filters: readonly string[]): Promise<void> {
    await this.#ask((id) => encodeUnsubscribe(id, filters))
  }

  /** Sends what is buffered and a DISCONNECT, and resolves when the socket has closed. Does not reconnect. */
  async end(): Promise<void> {
    this.#isEnded = true
    clearTimeout(this.#pause)
    await this.#link.end()
  }

  #ask(encode: (id: number) => Buffer): Promise<number[]> {
    return new Promise((resolve, reject) => {
      if (!this.#isUp) return reject(new ConnectionLost())
      const id = this.#nextId()
      this.#asked.set(id, (ack) => (ack ? resolve(decodeSuback(ack).reasonCodes) : reject(new ConnectionLost())))
      this.#link.write(encode(id))
    })
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % 65_535) + 1
    while (this.#asked.has(this.#lastId))
    return this.#lastId
  }

  #connect(): Link {
    const listener = this.#listener
    return new Link(this.#options, {
      up: (connack) => {
        this.#receiveMaximum = connack.receiveMaximum
        this.#maximumPacketSize = connack.maximumPacketSize ?? LARGEST_PACKET
        this.#isUp = true
        this.#isAway = false
        listener.connected(connack)
      },
      packet: (packet) => this.#receive(packet),
      failed: (err) => {
        if (!this.#isEnded) listener.failed(err) // a reset after a DISCONNECT is no failure
      },
      closed: () => this.#closed(),
    })
  }

  #receive(packet: Buffer): void {
    const kind = packet[0]! >> 4
    switch (kind) {
      case 3: {
        const publish = decodePublish(packet, VERSION)
        if (publish.qos === 2) throw new MalformedPacket(PROTOCOL_ERROR, 'the broker sent a PUBLISH at QoS 2')
        if (publish.qos === 1) this.#link.write(encodePuback(publish.messageId, VERSION))
        return this.#listener.message(publish)
      }
      case 4: // PUBACK
        this.#listener.heard()
        return this.#answer(packet)
      case 9: // SUBACK
      case 11: // UNSUBACK
        return this.#answer(packet)
      case 13: // PINGRESP
        return this.#listener.heard()
      case 14: // DISCONNECT
        return this.#link.destroy()
      default:
        throw new MalformedPacket(PROTOCOL_ERROR, `the broker sent a packet of type ${kind}`)
    }
  }

  #answer(packet: Buffer): void {
    const at = bodyAt(packet)
    if (packet.length < at + 2)
      throw new MalformedPacket(MALFORMED, 'the broker sent an acknowledgement without a message id')
    const id = packet.readUInt16BE(at)
    const asked = this.#asked.get(id)
    this.#asked.delete(id)
    asked?.(packet)
  }

  #closed(): void {
    const wasUp = this.#isUp
    this.#isUp = false
    const lost = [...this.#asked.values()]
    this.#asked.clear()
    const waiting = this.#waiting
    this.#waiting = []
    if (wasUp) this.#listener.lost()
    for (const asked of lost) asked(undefined)
    for (const { answered } of waiting) answered(new ConnectionLost())
    if (this.#isEnded) return
    if (!this.#isAway) this.#listener.away()
    this.#isAway = true
    this.#pause = setTimeout(() => (this.#link = this.#connect()), PAUSE)
  }
}

function publishOf(topic: string, payload: string, messageId: number): Buffer {
  const qos = messageId === 0 ? 0 : 1
  return encodePublish({ topic, payload, qos, dup: false, retain: false, messageId }, VERSION)
}
