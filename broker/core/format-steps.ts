import type { Storage, Unit } from '../storage/storage.ts'

/** Commits steps until one has moved fewer than `atOnce` records. Returns how many were moved. */
export async function inSteps(storage: Storage, atOnce: number, step: (unit: Unit) => number): Promise<number> {
  for (let all = 0; ;) {
    let moved = 0
    await storage.commit((unit) => void (moved = step(unit)))
    all += moved
    if (moved < atOnce) return all
  }
}

export function moveSome<Item>(items: Iterable<Item>, max: number, call: (item: Item) => void): number {
  let count = 0
  for (const item of items) {
    call(item)
    if (++count === max) break
  }
  return count
}
