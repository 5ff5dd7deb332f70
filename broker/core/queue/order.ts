import type { Storage } from '../../storage/storage.ts'

/** A millisecond's worth of numbers. */
const PER_MS = 1_024
/** Numbers set aside on the disk at a time: ten minutes' worth. */
const RESERVED = 600_000 * PER_MS

/**
 * Counts commands by the clock, in 1/1024 ms since 1970, and never back: not after a restart, nor when the clock is set back.
 * By the clock, so that a broker whose data are lost still goes on above what handlers have seen.
 */
export async function openOrder(storage: Storage): Promise<() => number> {
  const clock = storage.table<number>('clock')
  const before = clock.get('reserved') ?? 0
  let last = Math.max(before, Date.now() * PER_MS)
  let reserved = last + RESERVED
  await storage.commit((unit) => unit.put(clock, 'reserved', reserved))
  return () => {
    last = Math.max(last + 1, Date.now() * PER_MS)
    if (last + RESERVED / 2 > reserved) {
      reserved = last + RESERVED
      const ahead = reserved
      storage.eventually((unit) => unit.put(clock, 'reserved', ahead))
    }
    return last
  }
}
