import type { AedesPublishPacket, PublishPacket } from 'aedes'
import type { Delivery } from './port.ts'

/**
 * What goes to one handler process: deliveries that the dispatcher sealed, and nothing else. It gives each at QoS 1 its
 * message id, so that a PUBACK names the delivery.
 */
export class HandlerInbox {
  readonly #sealed = new WeakMap<object, Delivery>()
  readonly #unacknowledged = new Map<number, Delivery | undefined>()
  readonly #most: number
  #lastId = 0

  /** @param most deliveries at QoS 1 that may wait for their PUBACK */
  constructor(most: number) {
    this.#most = most
  }

  /** It gets more than it acknowledges: it ends its commands otherwise, and must subscribe at QoS 0. */
  get isFull(): boolean {
    return this.#unacknowledged.size >= this.#most
  }

  seal(delivery: Delivery): PublishPacket {
    const properties = { userProperties: delivery.stamp }
    this.#sealed.set(properties, delivery)
    const { topic, payload, qos } = delivery
    return { cmd: 'publish', topic, payload, qos, properties, dup: false, retain: false }
  }

  /** The packet to send, or undefined for one that the dispatcher did not seal. */
  opens(packet: AedesPublishPacket): AedesPublishPacket | undefined {
    const delivery = packet.properties && this.#sealed.get(packet.properties)
    if (!delivery || delivery.qos === 0) return delivery && packet
    return { ...packet, messageId: this.reserve(delivery) }
  }

  /** A message id that is free; it is until its PUBACK or PUBCOMP. */
  reserve(delivery?: Delivery): number {
    do this.#lastId = (this.#lastId % 65_535) + 1
    while (this.#unacknowledged.has(this.#lastId))
    this.#unacknowledged.set(this.#lastId, delivery)
    return this.#lastId
  }

  acknowledged(messageId: number): Delivery | undefined {
    const delivery = this.#unacknowledged.get(messageId)
    this.#unacknowledged.delete(messageId)
    return delivery
  }
}
