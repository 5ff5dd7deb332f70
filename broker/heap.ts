import { getHeapStatistics } from 'node:v8'
import type { Config } from '../shared/config.ts'

type Bounds = Pick<
  Config,
  'MAX_QUEUED' | 'MAX_KEPT_BYTES' | 'MAX_SESSION_BYTES' | 'MAX_DEAD' | 'MAX_RETAINED' | 'MAX_LIVE_BYTES'
>

const MB = 2 ** 20
/** MB that an empty broker needs, with room for short-lived objects. */
const IDLE = 96
/** Bytes per command of MAX_QUEUED: a queued command whose user has no other, a quarter of one for observers, and a remembered answer. */
const PER_QUEUED = 600
/** Heap bytes per byte of MAX_KEPT_BYTES: the events are on disk, their index is in memory. */
export const OF_KEPT = 0.6
/** Heap bytes per byte of MAX_SESSION_BYTES: sessions and subscriptions are in memory, and count as what they take there. */
const OF_SESSIONS = 1
/** Heap bytes of a dead letter, and of a retained message. Both are on disk. */
const [PER_DEAD, PER_RETAINED] = [400, 600]
/** Heap bytes per byte of MAX_LIVE_BYTES: signals wait in memory. */
const OF_LIVE = 1.5

/**
 * MB of JavaScript heap that a broker needs when everything bounded by these settings is full at once. Connections come on top:
 * docs/operate/settings.md.
 */
export function heapFor(bounds: Bounds): number {
  const { MAX_QUEUED, MAX_KEPT_BYTES, MAX_SESSION_BYTES, MAX_DEAD, MAX_RETAINED, MAX_LIVE_BYTES } = bounds
  const byNumber = MAX_QUEUED * PER_QUEUED + MAX_DEAD * PER_DEAD + MAX_RETAINED * PER_RETAINED
  const byBytes = MAX_KEPT_BYTES * OF_KEPT + MAX_SESSION_BYTES * OF_SESSIONS + MAX_LIVE_BYTES * OF_LIVE
  return IDLE + Math.ceil((byNumber + byBytes) / MB)
}

/** Warns when the heap limit is below that: a broker that ran out of heap would crash, and could not start again. */
export function warnOfHeap(config: Bounds, log: { warn(what: object, text: string): void }): void {
  const needed = heapFor(config)
  const limit = Math.floor(getHeapStatistics().heap_size_limit / MB)
  if (limit >= needed) return
  log.warn(
    { limit, needed },
    `the settings allow the broker to use ${needed} MB of heap, but its heap limit is ${limit} MB: a broker that reaches it crashes and cannot start again. Start it with NODE_OPTIONS=--max-old-space-size=${needed}, or lower MAX_QUEUED, MAX_KEPT_BYTES or MAX_SESSION_BYTES`,
  )
}
