export class TimedOut extends Error {
  override name = 'TimedOut'
  constructor() {
    super('the handler took longer than its timeoutMs')
  }
}

/** Milliseconds that this thread has spent in the synchronous beginnings of what ran here. */
let spent = 0

/**
 * Runs something that must end in time. While another's beginning computes, nobody can do anything: that is not counted.
 * @throws {TimedOut} when it has not
 */
export async function inTime<T>(limitMs: number, run: () => T | Promise<T>): Promise<T> {
  const began = performance.now()
  let running: T | Promise<T>
  try {
    running = run()
  } finally {
    spent += performance.now() - began
  }
  const own = spent
  const left = (): number => limitMs - (performance.now() - began - (spent - own))
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const look = (): void => {
      const ms = left()
      if (ms <= 0) reject(new TimedOut())
      else timer = setTimeout(look, Math.ceil(ms))
    }
    look()
  })
  try {
    const result = await Promise.race([running, late])
    if (left() < 0) throw new TimedOut() // the thread stood still, and its timer with it
    return result
  } finally {
    clearTimeout(timer)
  }
}
