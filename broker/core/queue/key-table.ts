/** 32-bit words kept of a key: 96 bits of SHA-256 do not collide, neither by chance nor on purpose. */
const WORDS = 3
export type Words = [number, number, number]
const LEAST = 64
/** The table grows beyond this load. */
const LOAD = 0.8

/**
 * Maps keys of 32 bytes in base64url to numbers, in about 30 bytes each; a Map with strings takes 150. It may hold two million, which
 * the garbage collector need not trace. Open addressing with linear probing; a removal moves later entries up.
 */
export class KeyTable {
  #keys = new Uint32Array(LEAST * WORDS)
  /** 0: free. */
  #values = new Float64Array(LEAST)
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: string): number | undefined {
    return this.#values[this.#place(wordsOf(key))] || undefined
  }

  /** Makes room for this many keys at once. */
  expect(keys: number): void {
    let length = this.#values.length
    while (keys > length * LOAD) length *= 2
    if (length > this.#values.length) this.#grow(length)
  }

  /** @param value more than 0 */
  set(key: string, value: number): void {
    const words = wordsOf(key)
    let at = this.#place(words)
    if (this.#values[at] === 0) {
      if (this.#size + 1 > this.#values.length * LOAD) {
        this.#grow(this.#values.length * 2)
        at = this.#place(words)
      }
      this.#size++
      this.#put(at, words)
    }
    this.#values[at] = value
  }

  /** Removes a key if it has that value. */
  delete(words: Words, value: number): void {
    let hole = this.#place(words)
    if (this.#values[hole] !== value) return
    const [keys, values] = [this.#keys, this.#values]
    const last = values.length - 1
    for (let at = (hole + 1) & last; values[at] !== 0; at = (at + 1) & last) {
      const home = keys[at * WORDS]! & last
      // The entry may move to the hole unless its home lies behind the hole.
      if (((at - home) & last) < ((at - hole) & last)) continue
      keys.copyWithin(hole * WORDS, at * WORDS, (at + 1) * WORDS)
      values[hole] = values[at]!
      hole = at
    }
    values[hole] = 0
    this.#size--
  }

  /** The index of a key, or the free one where it belongs. */
  #place(words: Words): number {
    const [keys, values] = [this.#keys, this.#values]
    const last = values.length - 1
    let at = words[0] & last
    while (
      values[at] !== 0 &&
      !(keys[at * WORDS] === words[0] && keys[at * WORDS + 1] === words[1] && keys[at * WORDS + 2] === words[2])
    ) {
      at = (at + 1) & last
    }
    return at
  }

  #put(at: number, words: Words): void {
    const keys = this.#keys
    keys[at * WORDS] = words[0]
    keys[at * WORDS + 1] = words[1]
    keys[at * WORDS + 2] = words[2]
  }

  #grow(length: number): void {
    const [keys, values] = [this.#keys, this.#values]
    this.#keys = new Uint32Array(length * WORDS)
    this.#values = new Float64Array(length)
    for (let from = 0; from < values.length; from++) {
      if (values[from] === 0) continue
      const words: Words = [keys[from * WORDS]!, keys[from * WORDS + 1]!, keys[from * WORDS + 2]!]
      const at = this.#place(words)
      this.#put(at, words)
      this.#values[at] = values[from]!
    }
  }
}

/** The words of a key that the table keeps. */
export function wordsOf(key: string): Words {
  return [mixed(key, 0), mixed(key, 7), mixed(key, 14)]
}

/** 42 bits of a key, mixed to a word. */
function mixed(key: string, from: number): number {
  let bits = 0
  for (let i = from; i < from + 7; i++) {
    bits = Math.imul(bits ^ key.charCodeAt(i), 0x9e3779b1)
    bits ^= bits >>> 15
  }
  return bits >>> 0
}
