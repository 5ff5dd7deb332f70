import { statfsSync, type StatsFs } from 'node:fs'

/** Bytes of the disk that are left for ends and removals, and an eighth of it at most. */
const RESERVE = 2 ** 26
/** Milliseconds for which a look at the disk is good. */
const LOOK = 100

type Size = Pick<StatsFs, 'bavail' | 'blocks' | 'bsize'>

/** How much of the reserve a disk has left: over 1 while there is room for more. LMDB must not run into a full disk itself. */
export class DiskRoom {
  readonly #look: () => Size
  readonly #now: () => number
  #lookedAt = -Infinity
  #room = 0
  /** Bytes that may be written before the next look. */
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

  /** So much is about to be written. */
  take(bytes: number): void {
    this.#budget -= bytes
  }
}
