import { inTime } from './in-time.ts'

/**
 * Lets the work for one key begin when what came before it for this key has ended, so that it is not done in vain.
 * @param ms how long it may wait for that; beyond, it rejects with `Unavailable`
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
