interface Link<T> {
  item: T
  next?: Link<T> | undefined
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

  /** Puts an item before all others, but behind those at the head that it must follow. */
  unshift(item: T, mustFollow: (other: T) => boolean = () => false): void {
    let before: Link<T> | undefined
    for (let next = this.#head; next && mustFollow(next.item); next = next.next) before = next
    const link: Link<T> = { item, next: before ? before.next : this.#head }
    if (before) before.next = link
    else this.#head = link
    if (!link.next) this.#tail = link
  }

  shift(): T | undefined {
    const link = this.#head
    this.#head = link?.next
    if (!this.#head) this.#tail = undefined
    return link?.item
  }
}
