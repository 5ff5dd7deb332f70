import type { Storage } from '../../storage/storage.ts'

/** A millisecond's worth of numbers. */
const PER_MS = 1_024
/** Numbers reserved on the disk at a time: ten minutes' worth. */
const RESERVED = 600_000 * PER_MS

/**
 * Numbers commands by the clock, in 1/1024 ms since 1970. Numbers never go back, not even after a restart or when the clock is set
 * back. They follow the clock so that a broker that has lost its data still continues above what handlers have seen.
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
