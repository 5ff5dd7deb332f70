/** The deliveries of one handler process that wait for their PUBACK: each at QoS 1 has a message id, by which the PUBACK names it. */
export class HandlerInbox {
  /** By message id, the core's number of the delivery. */
  readonly #unacknowledged = new Map<number, number | undefined>()
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

  /** A message id that is free; it is until its PUBACK or PUBCOMP. */
  reserve(delivery?: number): number {
    do this.#lastId = (this.#lastId % 65_535) + 1
    while (this.#unacknowledged.has(this.#lastId))
    this.#unacknowledged.set(this.#lastId, delivery)
    return this.#lastId
  }

  acknowledged(messageId: number): number | undefined {
    const delivery = this.#unacknowledged.get(messageId)
    this.#unacknowledged.delete(messageId)
    return delivery
  }
}
