import { expect } from '@jest/globals'

// How long somebody waits while another makes trouble. A machine may be slow or busy, and so he is compared with one who asks the
// same of a platform beside it that nobody troubles, at the same time.

/** At most this many times as long as beside, on the whole and at the 95th percentile. */
const [MEAN, P95] = [8, 20]

/** Asks again and again until `ended`, 10 ms after each answer. @returns how long each answer took: milliseconds, rising */
export async function waitsFor(answer: () => Promise<unknown>, ended: Promise<unknown>): Promise<number[]> {
  const over = new AbortController()
  const stop = (): void => over.abort()
  ended.then(stop, stop)
  const took: number[] = []
  do {
    const began = performance.now()
    await answer()
    took.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 10))
  } while (!over.signal.aborted)
  return took.toSorted((a, b) => a - b)
}

/** Prints both, and compares them. */
export function expectServed(name: string, waits: readonly number[], beside: readonly number[]): void {
  process.stdout.write(`${name}: waited ${say(waits)}; beside it ${say(beside)}\n`)
  expect(mean(waits)).toBeLessThan(MEAN * mean(beside))
  expect(at(waits, 0.95)).toBeLessThan(P95 * at(beside, 0.95))
}

const mean = (waits: readonly number[]): number => waits.reduce((sum, ms) => sum + ms, 0) / waits.length
const at = (waits: readonly number[], part: number): number => waits[Math.floor((waits.length - 1) * part)]!

function say(waits: readonly number[]): string {
  const [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1].map((part) => Math.round(at(waits, part)))
  return `${waits.length} times, mean ${Math.round(mean(waits))}, p50 ${p50}, p95 ${p95}, p99 ${p99}, max ${max} ms`
}
