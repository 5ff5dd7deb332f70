import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Documents that a command of the catalogue is given by the store, counted: the same on every machine, however busy it is.

const RECORD = fileURLToPath(new URL('../../docs/bench.json', import.meta.url))
/** What grows by more than this is told. */
const TOLERATED = 1.15

/** Command, number of stored messages, documents read by one call, on average. */
export type Counts = Record<string, Record<string, number>>

interface Recorded {
  samples: number
  documentsRead: Counts
}

/** What is recorded of as many calls; nothing where it is of another number, since calls leave documents behind. */
export function readCounts(samples: number): Counts {
  if (!existsSync(RECORD)) return {}
  const recorded = JSON.parse(readFileSync(RECORD, 'utf8')) as Recorded
  return recorded.samples === samples ? recorded.documentsRead : {}
}

export function writeCounts(samples: number, documentsRead: Counts): void {
  writeFileSync(RECORD, `${JSON.stringify({ samples, documentsRead } satisfies Recorded, null, 2)}\n`)
}

/** @returns lines about each command that reads more than recorded, with as much stored */
export function moreThanRecorded(recorded: Counts, now: Counts): string[] {
  return Object.entries(now).flatMap(([command, bySize]) =>
    Object.entries(bySize).flatMap(([size, read]) => {
      const before = recorded[command]?.[size]
      if (before === undefined || read <= before * TOLERATED) return []
      return [`${command}, ${size} messages stored: reads ${read} documents, recorded ${before}\n`]
    }),
  )
}
