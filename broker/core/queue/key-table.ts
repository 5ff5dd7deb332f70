/** Words of 32 bits of a key: of 96 bits of SHA-256, no two are the same by chance, nor by anybody's effort. */
const WORDS = 3
export type Words = [number, number, number]
const LEAST = 64
/** So full it may be. */
const LOAD = 0.8

/**
 * Numbers by keys of 32 bytes in base64url, in some 30 bytes each, where a Map and its strings take 150: there may be two million of
 * them, and the collector has none to look at. Open addressing with linear probing; a removal moves up what stands behind it.
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

  /** So many keys are to come: makes room for them all at once. */
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
      // It may move to the hole unless its home lies behind that.
      if (((at - home) & last) < ((at - hole) & last)) continue
      keys.copyWithin(hole * WORDS, at * WORDS, (at + 1) * WORDS)
      values[hole] = values[at]!
      hole = at
    }
    values[hole] = 0
    this.#size--
  }

  /** Where a key stands, or has to. */
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

/** What of a key is kept. */
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
