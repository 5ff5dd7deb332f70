interface Link<T> {
  item: T
  next?: Link<T>
}

/** First in, first out, both in constant time; an array's `shift` moves all that is behind. */
export class Fifo<T> {
  #head: Link<T> | undefined
  #tail: Link<T> | undefined

  constructor(...items: T[]) {
    for (const item of items) this.push(item)
  }

  get head(): T | undefined {
    return this.#head?.item
  }

  push(item: T): void {
    const link = { item }
    if (this.#tail) this.#tail = this.#tail.next = link
    else this.#head = this.#tail = link
  }

  /** Puts an item before all others. */
  unshift(item: T): void {
    const link: Link<T> = { item }
    if (this.#head) link.next = this.#head
    else this.#tail = link
    this.#head = link
  }

  shift(): T | undefined {
    const link = this.#head
    this.#head = link?.next
    if (!this.#head) this.#tail = undefined
    return link?.item
  }
}
