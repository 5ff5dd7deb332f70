import { getHeapStatistics } from 'node:v8'
import type { Config } from '../shared/config.ts'

type Bounds = Pick<Config, 'MAX_QUEUED' | 'MAX_KEPT_BYTES' | 'MAX_DEAD' | 'MAX_RETAINED' | 'MAX_LIVE_BYTES'>

const MB = 2 ** 20
/** MB of a broker that keeps nothing, with room for what comes and goes. */
const IDLE = 96
/** Bytes for each of MAX_QUEUED: one waits, its user has no other, a quarter of one waits for an observer, and one answer is remembered. */
const PER_QUEUED = 600
/** For each byte of MAX_KEPT_BYTES: events are on the disk, and these bytes count what is in memory of them, too. */
const OF_KEPT = 0.6
/** Bytes of a dead letter, and of a retained message. Both are on the disk. */
const [PER_DEAD, PER_RETAINED] = [400, 600]
/** For each byte of MAX_LIVE_BYTES: signals wait in memory. */
const OF_LIVE = 1.5

/**
 * MB of JavaScript's heap that a broker needs when all that these settings bound is full at once. Each connection and each user who has a
 * kept session come on top: docs/operate/settings.md.
 */
export function heapFor({ MAX_QUEUED, MAX_KEPT_BYTES, MAX_DEAD, MAX_RETAINED, MAX_LIVE_BYTES }: Bounds): number {
  const counted = MAX_QUEUED * PER_QUEUED + MAX_DEAD * PER_DEAD + MAX_RETAINED * PER_RETAINED
  return IDLE + Math.ceil((counted + MAX_KEPT_BYTES * OF_KEPT + MAX_LIVE_BYTES * OF_LIVE) / MB)
}

/** Warns of a heap that may not grow as large: the broker would end when it is full, and not start again. */
export function warnOfHeap(config: Bounds, log: { warn(what: object, text: string): void }): void {
  const needed = heapFor(config)
  const limit = Math.floor(getHeapStatistics().heap_size_limit / MB)
  if (limit >= needed) return
  log.warn(
    { limit, needed },
    `the settings allow the broker to keep what takes ${needed} MB of heap, and its heap ends at ${limit} MB: when it is full, the broker ends and cannot start again. Start it with NODE_OPTIONS=--max-old-space-size=${needed}, or lower MAX_QUEUED or MAX_KEPT_BYTES`,
  )
}
