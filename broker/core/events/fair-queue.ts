/** Items by who sent them: those of one sender in their order, and the senders take turns. */
export class FairQueue<Item> {
  /** In the order of their turns. */
  readonly #queues = new Map<string, Item[]>()
  /** Places taken by what is about to come. */
  readonly #reserved = new Map<string, number>()
  #length = 0

  /** All items, and places that are reserved. */
  get length(): number {
    return this.#length
  }

  /** Those of one sender. */
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

  /** The first item of the sender whose turn it is; that sender's next turn is after all others'. */
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

  /** Puts an item back before the others of its sender. */
  unshift(sender: string, item: Item): void {
    this.#length++
    const queue = this.#queues.get(sender)
    if (queue) queue.unshift(item)
    else this.#queues.set(sender, [item])
  }
}
