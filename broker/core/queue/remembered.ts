import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Fullness } from '../../metrics/fullness.ts'
import { wordsOf, type Words } from './key-table.ts'

/** The part of an ended command that memory holds. */
export interface End {
  readonly key: string
  /** The key of its record. */
  readonly order: number
  /** Until when it is remembered, by `steady`. */
  readonly until: number
  /** Bytes of its answer. */
  readonly body: number
  /** The user whose share those bytes count towards. */
  readonly user: UserId | undefined
}

export interface Bounds {
  /** Bytes of all answers, and of one user's. */
  readonly bytes: number
  readonly perUser: number
}

const MIN_ROOM = 64
const WORDS = 3

/** The ends that are remembered, oldest first, in about 50 bytes each. Their answers are on the disk. */
export class Remembered {
  readonly #bounds: Bounds
  readonly #users = new Map<UserId, number>()
  // A ring buffer: the first is at `#first`, modulo its length.
  #orders = new Float64Array(MIN_ROOM)
  #untils = new Float64Array(MIN_ROOM)
  #keys = new Uint32Array(MIN_ROOM * WORDS)
  #bodies = new Uint32Array(MIN_ROOM)
  #owners: (UserId | undefined)[] = Array.from({ length: MIN_ROOM })
  #first = 0
  #end = 0
  /** All ends before this index have lost their answers. */
  #whole = 0
  #bytes = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  get size(): number {
    return this.#end - this.#first
  }

  fullness(): Fullness {
    const [used, limit] = [this.#bytes, this.#bounds.bytes]
    return { kind: 'remembered', what: 'answers kept for repeats', used, limit, beyond: 'the oldest are dropped' }
  }

  /** When the oldest is to be forgotten. */
  get until(): number {
    return this.#untils[this.#at(this.#first)]!
  }

  /** True when another answer of that size to that user may be kept. */
  hasRoom(user: UserId, body: number): boolean {
    return (this.#users.get(user) ?? 0) + body <= this.#bounds.perUser
  }

  push({ key, order, until, body, user }: End): void {
    if (this.size === this.#orders.length) this.#grow()
    const at = this.#at(this.#end++)
    this.#orders[at] = order
    this.#untils[at] = until
    this.#keys.set(wordsOf(key), at * WORDS)
    this.#bodies[at] = body
    this.#owners[at] = body > 0 ? user : undefined
    this.#bytes += body
    if (body > 0 && user !== undefined) this.#users.set(user, (this.#users.get(user) ?? 0) + body)
  }

  /** Forgets the oldest. */
  shift(): { order: number; words: Words } {
    const at = this.#at(this.#first++)
    this.#whole = Math.max(this.#whole, this.#first)
    this.#drop(at)
    const words: Words = [this.#keys[at * WORDS]!, this.#keys[at * WORDS + 1]!, this.#keys[at * WORDS + 2]!]
    return { order: this.#orders[at]!, words }
  }

  /** While the answers exceed their bound: the order of the command whose answer must go, oldest first. Its end stays remembered. */
  shed(): number | undefined {
    while (this.#bytes > this.#bounds.bytes && this.#whole < this.#end) {
      const at = this.#at(this.#whole++)
      if (this.#bodies[at] === 0) continue
      this.#drop(at)
      return this.#orders[at]
    }
    return undefined
  }

  /** Stops counting an answer. */
  #drop(at: number): void {
    const body = this.#bodies[at]!
    const user = this.#owners[at]
    this.#bodies[at] = 0
    this.#owners[at] = undefined
    this.#bytes -= body
    if (user === undefined) return
    const left = this.#users.get(user)! - body
    if (left > 0) this.#users.set(user, left)
    else this.#users.delete(user)
  }

  #at(index: number): number {
    return index & (this.#orders.length - 1)
  }

  #grow(): void {
    const [orders, untils, keys, bodies, owners] = [this.#orders, this.#untils, this.#keys, this.#bodies, this.#owners]
    const length = orders.length * 2
    this.#orders = new Float64Array(length)
    this.#untils = new Float64Array(length)
    this.#keys = new Uint32Array(length * WORDS)
    this.#bodies = new Uint32Array(length)
    this.#owners = Array.from({ length })
    for (let index = this.#first; index < this.#end; index++) {
      const [from, to] = [index & (orders.length - 1), this.#at(index)]
      this.#orders[to] = orders[from]!
      this.#untils[to] = untils[from]!
      this.#keys.set(keys.subarray(from * WORDS, from * WORDS + WORDS), to * WORDS)
      this.#bodies[to] = bodies[from]!
      this.#owners[to] = owners[from]
    }
  }
}
