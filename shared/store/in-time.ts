import { Unavailable } from '../wire/refusal.ts'

/** @throws {Unavailable} when the work is not done within so many milliseconds; it goes on, and nobody hears of it */
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
