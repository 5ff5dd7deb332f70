import { Unavailable } from '../wire/refusal.ts'

/** Bounds the time to wait for some work, in milliseconds. @throws {Unavailable} when it takes longer; the work itself goes on */
export async function inTime<T>(ms: number, work: Promise<T>, late: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Unavailable(`${late} within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}
