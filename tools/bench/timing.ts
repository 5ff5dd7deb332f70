import { latencies } from '../load/statistics.ts'
import { row } from '../load/table.ts'

// Runs calls one after another, and makes a table of their times.

/** Operation to its cells, one for each size. */
export type Rows = Map<string, string[]>
type Operations = Record<string, (i: number) => Promise<unknown>>

export async function measure(rows: Rows, samples: number, all: Operations): Promise<void> {
  for (const [name, operation] of Object.entries(all)) {
    const { p50, p99 } = latencies(await timed(samples, operation))
    rows.set(name, [...(rows.get(name) ?? []), `${p50.toFixed(2)}/${p99.toFixed(1)}`])
  }
}

export function table(title: string, sizes: readonly number[], rows: Map<string, (string | number)[]>): string {
  const heads = sizes.map((size) => size.toLocaleString('en'))
  return [`\n${title}\n`, row('', heads), ...[...rows].map(([name, cells]) => row(name.padEnd(18), cells))].join('')
}

async function timed(samples: number, operation: (i: number) => Promise<unknown>): Promise<number[]> {
  const took: number[] = []
  for (let i = 0; i < samples; i++) {
    const began = performance.now()
    await operation(i)
    took.push(performance.now() - began)
  }
  return took
}
