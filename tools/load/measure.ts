import { cpus, loadavg, release } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { figuresOf, labelOf, type Figures, type Run } from './figures.ts'
import { openGenerator, type Generator, type Work } from './generator-process.ts'
import { megabytes } from './proc-stat.ts'
import { topOf, type CpuProfile } from './profile.ts'
import type { Target } from './target.ts'

/** What is measured, at whichever target. */
export interface Scenario {
  name: string
  unit: string
  counts: 'done' | 'heard'
  options: Record<string, string | number>
  work(target: Target): Work | Promise<Work>
  /** What makes the target's code warm, where the work itself would take too long for that. */
  warmUp?(target: Target): Work
  /** What is enough to make it warm, where that is less than asked for. */
  isWarmAt?: number
}

export interface Measuring {
  rounds: number
  /** Of each lap. */
  seconds: number
  /** What is done at each target before anything is measured. */
  warmUp: number
  /** Gets a profile of the first target's broker, of one lap more. */
  profiled?: (profile: CpuProfile) => void
}

/** However slow a target is, it is warmed up no longer than this, in milliseconds. */
const LONGEST_WARM_UP = 25_000
const TOP = 20

/** Of this machine before anything of ours ran on it. */
const [loadAverage = 0] = loadavg()

/** Shows what goes on, beside the results on stdout. */
export function progress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
}

/** Measures the targets in turn, lap by lap, so that what disturbs the machine disturbs both. */
export async function measure(scenario: Scenario, targets: readonly Target[], measuring: Measuring): Promise<Run> {
  const { name, unit, counts, options } = scenario
  const { seconds } = measuring
  const warmUp = Math.min(measuring.warmUp, scenario.isWarmAt ?? Infinity)
  const generators: Generator[] = []
  try {
    for (const target of targets) {
      if (scenario.warmUp) await warm(target, name, await openGenerator(target, scenario.warmUp(target)), warmUp, true)
      const generator = await openGenerator(target, await scenario.work(target))
      generators.push(generator)
      await warm(target, name, generator, scenario.warmUp ? Math.min(1_000, warmUp) : warmUp, false)
    }
    const lap = async (i: number): Promise<Figures> => {
      const [target, generator] = [targets[i]!, generators[i]!]
      const done = await generator.lap(delay(seconds * 1_000))
      const figures = figuresOf(done, counts, megabytes(target.broker), target.handlers.length > 0)
      const told = `${labelOf('perSecond', unit)} ${figures.perSecond!.toFixed(0)}, broker ${figures.brokerMicros?.toFixed(0)} µs each`
      progress(`${name}: ${target.name}: ${told}`)
      return figures
    }
    const rounds: Figures[][] = []
    for (let round = 0; round < measuring.rounds; round++) {
      const figures: Figures[] = []
      const order = targets.map((_, i) => (round % 2 ? targets.length - 1 - i : i))
      for (const i of order) figures[i] = await lap(i)
      rounds.push(figures)
    }
    const run = { ...describe(name, unit, options, targets, measuring), rounds }
    const profiler = targets[0]?.profiler
    if (!profiler || !measuring.profiled) return run
    await profiler.start()
    await lap(0)
    const profile = await profiler.stop()
    measuring.profiled(profile)
    return { ...run, profile: topOf(profile, TOP) }
  } finally {
    for (const generator of generators) await generator.close()
  }
}

/** What a run is of. */
export function describe(
  name: string,
  unit: string,
  options: Run['options'],
  targets: readonly Target[],
  { rounds, seconds, warmUp }: Omit<Measuring, 'profiled'>,
): Omit<Run, 'rounds'> {
  return {
    name,
    unit,
    at: new Date().toISOString(),
    machine: { cpu: cpus()[0]!.model, cores: cpus().length, kernel: release(), node: process.version, loadAverage },
    options: { ...options, rounds, seconds, warmUp },
    targets: targets.map(({ name, version, settings }) => ({ name, version, settings })),
  }
}

async function warm(target: Target, name: string, generator: Generator, count: number, isOver: boolean): Promise<void> {
  progress(`${name}: ${target.name} warms up`)
  const done = await generator.warmUp(count, LONGEST_WARM_UP)
  if (done < count) progress(`${name}: ${target.name} has done ${done} of ${count} to warm up; it is too slow for more`)
  if (isOver) await generator.close()
}
