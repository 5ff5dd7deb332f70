import { inTime } from './in-time.ts'

/**
 * Runs the work for one key one after another, since works that run at once would only conflict.
 * @param ms the longest wait for a turn; beyond, it rejects with `Unavailable`
 */
export function inTurn(ms: number): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>()

  return async (key, work) => {
    const before = last.get(key)
    const ended = before?.then(
      () => {},
      () => {},
    )
    const mine = ended ? inTime(ms, ended, 'its turn did not come').then(work) : work()
    last.set(key, mine)
    try {
      return await mine
    } finally {
      if (last.get(key) === mine) last.delete(key)
    }
  }
}
