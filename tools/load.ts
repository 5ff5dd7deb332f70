import { writeFileSync } from 'node:fs'
import type { Measuring } from './load/measure.ts'
import { readOptions, USAGE, type Options } from './load/options.ts'
import { record, writeRun } from './load/record.ts'
import { runsOf } from './load/suite.ts'
import { table } from './load/table.ts'

// npm run load: what devices, broker and handler processes do together, beside Mosquitto where it is installed.

async function main(options: Options): Promise<void> {
  const { counts, profile } = options
  const measuring: Measuring = {
    rounds: counts.rounds,
    seconds: counts.seconds,
    warmUp: counts['warm-up'],
    ...(profile !== undefined && { profiled: (found) => writeFileSync(profile, JSON.stringify(found)) }),
  }
  for (const name of options.scenarios) {
    for await (const run of runsOf(name, options, measuring)) {
      process.stdout.write(table(run))
      if (options.json !== undefined) writeRun(options.json, run)
      if (options.record) record(run)
    }
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))
try {
  const options = readOptions(process.argv.slice(2))
  if (options) await main(options)
  else process.stdout.write(USAGE)
} catch (err) {
  process.stderr.write(`${(err as Error).message}\n`)
  process.exit(1)
}
