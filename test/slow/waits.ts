import { expect } from '@jest/globals'
import { latencies } from '../../tools/load/statistics.ts'

// How long a user waits while another causes trouble. The machine may be slow or busy, so they are compared with a user who asks the
// same of an undisturbed platform at the same time.

/** Longest allowed wait in multiples of the undisturbed platform's, in sum and at the 99th percentile. */
const [MEAN, P99] = [8, 20]

/** Asks until `ended`, 10 ms after each answer. @returns milliseconds that each answer took */
export async function waitsFor(answer: () => Promise<unknown>, ended: Promise<unknown>): Promise<number[]> {
  const over = new AbortController()
  void ended.finally(() => over.abort())
  const took: number[] = []
  do {
    const began = performance.now()
    await answer()
    took.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 10))
  } while (!over.signal.aborted)
  return took
}

/** Prints both series and compares them. */
export function expectServed(name: string, waits: readonly number[], beside: readonly number[]): void {
  process.stdout.write(`${name}: waited ${say(waits)}; beside it ${say(beside)}\n`)
  expect(mean(waits)).toBeLessThan(MEAN * mean(beside))
  expect(latencies(waits).p99).toBeLessThan(P99 * latencies(beside).p99)
}

const mean = (waits: readonly number[]): number => waits.reduce((sum, ms) => sum + ms, 0) / waits.length

function say(waits: readonly number[]): string {
  const { p50, p95, p99 } = latencies(waits)
  const figures = { mean: mean(waits), p50, p95, p99, max: Math.max(...waits) }
  const told = Object.entries(figures).map(([what, ms]) => `${what} ${Math.round(ms)}`)
  return `${waits.length} times, ${told.join(', ')} ms`
}
