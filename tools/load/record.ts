import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chart } from './chart.ts'
import type { Run } from './figures.ts'

// The figures that are recorded in the repository, and their picture.

const docs = (file: string): string => fileURLToPath(new URL(`../../docs/${file}`, import.meta.url))
export const RECORD = docs('load.json')
const CHART = docs('load.svg')

export function readRuns(file = RECORD): Run[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { runs: Run[] }).runs : []
}

/** A run takes the place of the last one of the same scenario at the same major version of what it measures. */
export function keepRun(runs: readonly Run[], run: Run): Run[] {
  const at = runs.findIndex((one) => isSame(one, run))
  return at < 0 ? [...runs, run] : runs.with(at, run)
}

export function isSame(one: Run, other: Run): boolean {
  return one.name === other.name && majorOf(one) === majorOf(other)
}

/** `Node v20` of `Node v20.19.1`. */
function majorOf({ targets }: Run): string {
  return targets[0]?.version.split('.')[0] ?? ''
}

export function writeRun(file: string, run: Run): void {
  writeFileSync(file, `${JSON.stringify({ runs: keepRun(readRuns(file), rounded(run)) }, null, 2)}\n`)
}

/** Writes a run into the repository, and draws all that are there. */
export function record(run: Run): void {
  writeRun(RECORD, run)
  writeFileSync(CHART, chart(readRuns()))
}

/** Four digits are more than any of it is worth. */
function rounded(run: Run): Run {
  return JSON.parse(
    JSON.stringify(run, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value)),
  ) as Run
}
