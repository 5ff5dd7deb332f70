/** 32-bit words kept of a key: 96 bits of SHA-256 do not collide, neither by chance nor on purpose. */
const WORDS = 3
export type Words = [number, number, number]
/** A slot: the words of a key, then the high and the low word of its value. A look-up touches one place in memory. */
const SLOT = WORDS + 2
const [HIGH, LOW] = [WORDS, WORDS + 1]
const WORD = 2 ** 32
const MIN_SLOTS = 64
/** The table grows beyond this load. */
const LOAD = 0.8

/**
 * Maps keys of 32 bytes in base64url to numbers, in about 30 bytes each; a Map with strings takes 150. It may hold two million, which
 * the garbage collector need not trace. Open addressing with linear probing; a removal moves later entries up.
 */
export class KeyTable {
  /** A slot whose value is 0 is free. */
  #slots = new Uint32Array(MIN_SLOTS * SLOT)
  #length = MIN_SLOTS
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: string): number | undefined {
    return this.#valueAt(this.#place(wordsOf(key))) || undefined
  }

  /** Makes room for this many keys at once. */
  expect(keys: number): void {
    let length = this.#length
    while (keys > length * LOAD) length *= 2
    if (length > this.#length) this.#grow(length)
  }

  /** @param value a whole number above 0, at most 2 ** 53 */
  set(key: string, value: number): void {
    const words = wordsOf(key)
    let at = this.#place(words)
    if (this.#isFree(at)) {
      if (this.#size + 1 > this.#length * LOAD) {
        this.#grow(this.#length * 2)
        at = this.#place(words)
      }
      this.#size++
      for (let i = 0; i < WORDS; i++) this.#slots[at + i] = words[i]!
    }
    this.#slots[at + HIGH] = value / WORD
    this.#slots[at + LOW] = value
  }

  /** Removes a key if it has that value. */
  delete(words: Words, value: number): void {
    let hole = this.#place(words)
    if (this.#valueAt(hole) !== value) return
    const slots = this.#slots
    const all = slots.length
    for (let at = this.#next(hole); !this.#isFree(at); at = this.#next(at)) {
      const home = this.#home(slots[at]!)
      // The entry may move to the hole unless its home lies behind the hole.
      if ((at - home + all) % all < (at - hole + all) % all) continue
      for (let i = 0; i < SLOT; i++) slots[hole + i] = slots[at + i]!
      hole = at
    }
    slots[hole + HIGH] = slots[hole + LOW] = 0
    this.#size--
  }

  /** The slot of a key, or the free one where it belongs. */
  #place(words: Words): number {
    const slots = this.#slots
    let at = this.#home(words[0])
    while (!this.#isFree(at) && !(slots[at] === words[0] && slots[at + 1] === words[1] && slots[at + 2] === words[2])) {
      at = this.#next(at)
    }
    return at
  }

  #home(word: number): number {
    return (word & (this.#length - 1)) * SLOT
  }

  #next(at: number): number {
    return at + SLOT === this.#slots.length ? 0 : at + SLOT
  }

  #isFree(at: number): boolean {
    return this.#slots[at + LOW] === 0 && this.#slots[at + HIGH] === 0
  }

  #valueAt(at: number): number {
    return this.#slots[at + HIGH]! * WORD + this.#slots[at + LOW]!
  }

  #grow(length: number): void {
    const before = this.#slots
    this.#slots = new Uint32Array(length * SLOT)
    this.#length = length
    for (let from = 0; from < before.length; from += SLOT) {
      if (before[from + LOW] === 0 && before[from + HIGH] === 0) continue
      const at = this.#place([before[from]!, before[from + 1]!, before[from + 2]!])
      for (let i = 0; i < SLOT; i++) this.#slots[at + i] = before[from + i]!
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
