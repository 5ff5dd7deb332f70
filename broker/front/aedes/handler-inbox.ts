/** The QoS 1 deliveries of one handler process that wait for their PUBACK, by message id. */
export class HandlerInbox {
  /** By message id, the core's delivery number. */
  readonly #unacknowledged = new Map<number, number | undefined>()
  readonly #max: number
  #lastId = 0

  /** @param max QoS 1 deliveries that may wait for their PUBACK */
  constructor(max: number) {
    this.#max = max
  }

  /** Too many deliveries lack a PUBACK. A handler that never sends PUBACKs must subscribe at QoS 0. */
  get isFull(): boolean {
    return this.#unacknowledged.size >= this.#max
  }

  /** Reserves a free message id, until its PUBACK or PUBCOMP. */
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
