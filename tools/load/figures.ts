import type { Lap } from './job.ts'
import { spread, type Spread } from './statistics.ts'

/** By the names of `FIGURES`. */
export type Figures = Partial<Record<FigureName, number>>
export type FigureName = keyof typeof FIGURES

interface Figure {
  /** `{unit}` stands for what is counted, `{units}` for several. */
  says: string
  /** Whether more or less of it is better; neither: it is only told. */
  better?: 'more' | 'less'
}

/** What is measured, in the order of the table. */
export const FIGURES = {
  perSecond: { says: '{units} per second', better: 'more' },
  brokerMicros: { says: 'broker CPU, µs per {unit}', better: 'less' },
  handlerMicros: { says: 'handlers CPU, µs per {unit}', better: 'less' },
  kilobytes: { says: 'broker memory, KB per {unit}', better: 'less' },
  p50: { says: 'p50, ms', better: 'less' },
  p95: { says: 'p95, ms', better: 'less' },
  p99: { says: 'p99, ms', better: 'less' },
  megabytes: { says: 'broker memory, MB', better: 'less' },
  brokerPercent: { says: 'broker, % of a core' },
  generatorPercent: { says: 'generator, % of a core' },
  faults: { says: 'lost, doubled or refused' },
} satisfies Record<string, Figure>

export const figure = (name: FigureName): Figure => FIGURES[name]

/** What a figure is called where this is counted. */
export function labelOf(name: FigureName, unit: string): string {
  const units = unit.endsWith('y') ? `${unit.slice(0, -1)}ies` : `${unit}s`
  return FIGURES[name].says.replace('{units}', units).replace('{unit}', unit)
}

/** What was measured: of one target, of all laps; in each round of both targets, one after the other. */
export interface Run {
  /** Which scenario it is, such as `echo 50x4`. */
  name: string
  /** What is counted: a command, a delivery … */
  unit: string
  at: string
  /** The load average is that of the last minute before. */
  machine: { cpu: string; cores: number; kernel: string; node: string; loadAverage: number }
  options: Record<string, string | number>
  targets: { name: string; version: string; settings: Record<string, string> }[]
  /** Of each round, the figures of each target. */
  rounds: Figures[][]
  /** Functions of the broker and their share of its time, when it was profiled. */
  profile?: { name: string; share: number }[]
}

/** The figures of a lap, by what is counted: messages that are done, or each hearing. */
export function figuresOf(lap: Lap, counts: 'done' | 'heard', megabytes: number, hasHandlers: boolean): Figures {
  const { seconds, latencies, cpu } = lap
  const count = lap[counts]
  const micros = (used: number): number => (1e6 * used) / count
  const percent = (used: number): number => (100 * used) / seconds
  const each: Figures = {
    brokerMicros: micros(cpu.broker),
    ...(hasHandlers && { handlerMicros: micros(cpu.handlers) }),
    ...latencies,
  }
  return {
    perSecond: count / seconds,
    ...(count > 0 && each),
    megabytes,
    brokerPercent: percent(cpu.broker),
    generatorPercent: percent(cpu.generator),
    faults: lap.lost + lap.unexpected + lap.refused,
  }
}

export interface Compared {
  name: FigureName
  /** Of each target: the median of all rounds. */
  medians: number[]
  /** The first target's by the second's, in the same round; undefined when there is one target. */
  ratio: Spread | undefined
}

export function compare({ rounds }: Run): Compared[] {
  const [first = []] = rounds
  return (Object.keys(FIGURES) as FigureName[])
    .filter((name) => first[0]?.[name] !== undefined)
    .map((name) => {
      const of = (target: number): number[] => rounds.map((round) => round[target]?.[name] ?? Number.NaN)
      const medians = first.map((_, target) => spread(of(target)).median)
      if (first.length < 2 || figure(name).better === undefined) return { name, medians, ratio: undefined }
      return {
        name,
        medians,
        ratio: spread(rounds.map((round) => (round[0]![name] ?? Number.NaN) / (round[1]![name] ?? Number.NaN))),
      }
    })
}
