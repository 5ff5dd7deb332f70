import { compare, figure, labelOf, type Compared, type Run } from '../load/figures.ts'
import { readOptions } from '../load/options.ts'
import { isSame, readRuns } from '../load/record.ts'
import { runsOf } from '../load/suite.ts'
import { table } from '../load/table.ts'

// The cost of the hot path beside Mosquitto, compared with the record in the repository.

const SCENARIOS = ['echo', 'pairs', 'fanout', 'connect']
const SHORT = ['--shapes', '50x4', '--rounds', '3', '--seconds', '3']
const COMPARED = ['perSecond', 'brokerMicros', 'handlerMicros']
/** Anything worse by more than this is reported. */
const TOLERATED = 1.15

/** @returns a line for each figure whose ratio to Mosquitto is worse than recorded */
export function worseThanRecorded(recorded: readonly Run[], run: Run): string[] {
  const before = recorded.find((one) => isSame(one, run))
  if (!before) return [`${run.name}: nothing is recorded for ${run.targets[0]?.version}\n`]
  const old = new Map(compare(before).map((one) => [one.name, one]))
  return compare(run)
    .filter(({ name }) => COMPARED.includes(name))
    .flatMap((now) => {
      const [was, is] = [old.get(now.name)?.ratio, now.ratio]
      if (!was || !is) return []
      const change = figure(now.name).better === 'more' ? was.median / is.median : is.median / was.median
      if (!(change > TOLERATED)) return []
      return [
        `${run.name}: ${labelOf(now.name, run.unit)}: ${told(now)}, recorded ${told(old.get(now.name)!)}: ${percent(change)} worse\n`,
      ]
    })
}

/** Measures, and reports what got worse. @returns false if anything did */
export async function benchLoad(out: (text: string) => unknown): Promise<boolean> {
  const options = readOptions([...SCENARIOS, ...SHORT])!
  const { rounds, seconds, 'warm-up': warmUp } = options.counts
  const worse: string[] = []
  for (const name of options.scenarios) {
    for await (const run of runsOf(name, options, { rounds, seconds, warmUp })) {
      out(table(run))
      if (run.targets.length < 2) worse.push(`${run.name}: cannot be compared without Mosquitto\n`)
      else worse.push(...worseThanRecorded(readRuns(), run))
    }
  }
  out(worse.length > 0 ? `\n${worse.join('')}` : '\nNothing got worse by more than 15 %.\n')
  return worse.length === 0
}

function told({ ratio }: Compared): string {
  const { median, min, max } = ratio!
  return `${median.toFixed(2)} x Mosquitto's (${min.toFixed(2)} to ${max.toFixed(2)})`
}

const percent = (change: number): string => `${Math.round(100 * (change - 1))} %`
