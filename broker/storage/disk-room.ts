import { statfsSync, type StatsFs } from 'node:fs'

/** Bytes of the disk reserved for results and removals; at most an eighth of the disk. */
const RESERVE = 2 ** 26
/** Milliseconds for which a measurement stays valid. */
const LOOK = 100

type Size = Pick<StatsFs, 'bavail' | 'blocks' | 'bsize'>

/** Free space of a disk, measured in reserves: over 1 while there is room for new commands. LMDB must never meet a full disk. */
export class DiskRoom {
  readonly #look: () => Size
  readonly #now: () => number
  #lookedAt = -Infinity
  #room = 0
  /** Bytes that may be written before the next measurement. */
  #budget = 0

  constructor(path: string, look: () => Size = () => statfsSync(path), now: () => number = () => performance.now()) {
    this.#look = look
    this.#now = now
  }

  get left(): number {
    const now = this.#now()
    if (this.#budget > 0 && now - this.#lookedAt < LOOK) return this.#room
    const { bavail, blocks, bsize } = this.#look()
    const reserve = Math.min(RESERVE, (blocks * bsize) / 8)
    this.#room = (bavail * bsize) / reserve
    this.#budget = (bavail * bsize - reserve / 4) / 2
    this.#lookedAt = now
    return this.#room
  }

  /** Notes that this many bytes are about to be written. */
  spend(bytes: number): void {
    this.#budget -= bytes
  }
}
