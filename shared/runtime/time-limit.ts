export class TimedOut extends Error {
  override name = 'TimedOut'
  constructor() {
    super('the handler exceeded its timeoutMs')
  }
}

/** Milliseconds that this thread has spent in the synchronous beginnings of all runs. */
let spent = 0

/**
 * Runs something with a time limit. The time in which the synchronous beginning of another run blocks the thread does not count.
 * @throws {TimedOut} when it takes longer
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
  const isLate = (): boolean => left() < 0 // also when the thread was blocked, and its timer with it
  const left = (): number => limitMs - (performance.now() - began - (spent - own))
  if (!isPromise(running)) {
    if (isLate()) throw new TimedOut()
    return running
  }
  return new Promise<T>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const look = (): void => {
      const ms = left()
      if (ms <= 0) reject(new TimedOut())
      else timer = setTimeout(look, Math.ceil(ms))
    }
    look()
    running.then(
      (result) => {
        clearTimeout(timer)
        if (isLate()) reject(new TimedOut())
        else resolve(result)
      },
      (err: Error) => {
        clearTimeout(timer)
        reject(err)
      },
    )
  })
}

/** A handler may return any thenable. */
function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
