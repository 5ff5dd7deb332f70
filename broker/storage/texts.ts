const MIN_SLOTS = 64
/** Highest load of the table before it grows. */
const LOAD = 0.5
/** FNV-1a, with a random start so that nobody can choose colliding texts. */
const PRIME = 0x01000193
const START = Math.floor(Math.random() * 2 ** 32)

/** Interns texts that recur in records: looked up by their bytes, so that only new texts become strings. */
export class Texts {
  /** ASCII texts by hash, with linear probing. */
  #slots: (string | undefined)[] = Array.from({ length: MIN_SLOTS })
  #size = 0
  readonly #others = new Map<string, string>()

  /** The text of these UTF-8 bytes. */
  of(bytes: Buffer, at: number, size: number): string {
    let [hash, all] = [START, 0]
    for (let i = at; i < at + size; i++) {
      const byte = bytes[i]!
      all |= byte
      hash = Math.imul(hash ^ byte, PRIME)
    }
    if (all > 0x7f) return this.#other(bytes.toString('utf8', at, at + size))
    const last = this.#slots.length - 1
    let slot = mixed(hash) & last
    for (;;) {
      const text = this.#slots[slot]
      if (text === undefined) break
      if (isText(text, bytes, at, size)) return text
      slot = (slot + 1) & last
    }
    const text = bytes.toString('latin1', at, at + size)
    this.#slots[slot] = text
    if (++this.#size > this.#slots.length * LOAD) this.#grow()
    return text
  }

  #other(text: string): string {
    const known = this.#others.get(text)
    if (known === undefined) this.#others.set(text, text)
    return known ?? text
  }

  #grow(): void {
    const before = this.#slots
    const last = before.length * 2 - 1
    this.#slots = Array.from({ length: last + 1 })
    for (const text of before) {
      if (text === undefined) continue
      let slot = mixed(hashOf(text)) & last
      while (this.#slots[slot] !== undefined) slot = (slot + 1) & last
      this.#slots[slot] = text
    }
  }
}

function hashOf(text: string): number {
  let hash = START
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME)
  return hash
}

/** Mixes a hash so that its low bits depend on all bits. */
function mixed(hash: number): number {
  const bits = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return bits ^ (bits >>> 13)
}

function isText(text: string, bytes: Buffer, at: number, size: number): boolean {
  if (text.length !== size) return false
  for (let i = 0; i < size; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false
  return true
}
