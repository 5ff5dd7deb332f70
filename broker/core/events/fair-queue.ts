/** A queue in which senders take turns; the items of one sender stay in order. */
export class FairQueue<Item> {
  /** Each sender's items; the senders in the order of their turns. */
  readonly #queues = new Map<string, Item[]>()
  /** Places reserved for items that are about to come. */
  readonly #reserved = new Map<string, number>()
  #length = 0

  /** How many items and reserved places there are. */
  get length(): number {
    return this.#length
  }

  /** The same for one sender. */
  countOf(sender: string): number {
    return (this.#queues.get(sender)?.length ?? 0) + (this.#reserved.get(sender) ?? 0)
  }

  reserve(sender: string): void {
    this.#length++
    this.#reserved.set(sender, (this.#reserved.get(sender) ?? 0) + 1)
  }

  release(sender: string): void {
    this.#length--
    const left = this.#reserved.get(sender)! - 1
    if (left > 0) this.#reserved.set(sender, left)
    else this.#reserved.delete(sender)
  }

  push(sender: string, item: Item): void {
    this.#length++
    const queue = this.#queues.get(sender)
    if (queue) queue.push(item)
    else this.#queues.set(sender, [item])
  }

  /** Removes the first item of the sender whose turn it is. That sender's next turn comes after all others. */
  shift(): Item | undefined {
    const [first] = this.#queues
    if (!first) return undefined
    const [sender, queue] = first
    const item = queue.shift()
    this.#length--
    this.#queues.delete(sender)
    if (queue.length > 0) this.#queues.set(sender, queue)
    return item
  }

  /** Puts an item back in front of its sender's others. */
  unshift(sender: string, item: Item): void {
    this.#length++
    const queue = this.#queues.get(sender)
    if (queue) queue.unshift(item)
    else this.#queues.set(sender, [item])
  }
}
