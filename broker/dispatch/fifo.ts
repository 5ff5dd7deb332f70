interface Link<T> {
  item: T
  next?: Link<T>
}

/** First in, first out, both in constant time; an array's `shift` moves all that is behind. */
export class Fifo<T> {
  #head: Link<T> | undefined
  #tail: Link<T> | undefined

  get head(): T | undefined {
    return this.#head?.item
  }

  push(item: T): void {
    const link = { item }
    if (this.#tail) this.#tail = this.#tail.next = link
    else this.#head = this.#tail = link
  }

  shift(): T | undefined {
    const link = this.#head
    this.#head = link?.next
    if (!this.#head) this.#tail = undefined
    return link?.item
  }
}
