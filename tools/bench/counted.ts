import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// The number of documents that the store returns to each command of the catalogue: the same on every machine, however busy.

const RECORD = fileURLToPath(new URL('../../docs/bench.json', import.meta.url))
/** An increase above this factor is reported. */
const TOLERATED = 1.15

/** Command, number of stored messages, documents read by one call, on average. */
export type Counts = Record<string, Record<string, number>>

interface Recorded {
  samples: number
  documentsRead: Counts
}

/** The record of a run with as many calls. Calls leave documents behind, so a run with another number cannot be compared. */
export function readCounts(samples: number): Counts {
  if (!existsSync(RECORD)) return {}
  const recorded = JSON.parse(readFileSync(RECORD, 'utf8')) as Recorded
  return recorded.samples === samples ? recorded.documentsRead : {}
}

export function writeCounts(samples: number, documentsRead: Counts): void {
  writeFileSync(RECORD, `${JSON.stringify({ samples, documentsRead } satisfies Recorded, null, 2)}\n`)
}

/** @returns a line for each command that reads more than recorded at the same size */
export function moreThanRecorded(recorded: Counts, now: Counts): string[] {
  return Object.entries(now).flatMap(([command, bySize]) =>
    Object.entries(bySize).flatMap(([size, read]) => {
      const before = recorded[command]?.[size]
      if (before === undefined || read <= before * TOLERATED) return []
      return [`${command}, ${size} messages stored: reads ${read} documents, recorded ${before}\n`]
    }),
  )
}
