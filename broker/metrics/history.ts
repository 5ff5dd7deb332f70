import type { Registry } from 'prom-client'
import { quantile, read, readLoopDelay, since, total, type Buckets, type LoopDelay, type Reading } from './readings.ts'

/** Milliseconds between two samples; an hour of them is kept. */
const EVERY = 10_000
const MAX_SAMPLES = 360
/** Readings over which rates and percentiles of now are taken: the last minute. */
const RECENT = 6
/** Groups in a sample, and commands in the rates of now, at most. */
const MAX_NAMED = 200

/** A group's queue: commands, and the age of the oldest in seconds. */
export interface Queue {
  group: string
  commands: number
  oldest_s: number
}

/** From acceptance to answer, of the commands that ended; without them when none did. */
interface Percentiles {
  p50_ms?: number
  p99_ms?: number
}

/** Per second. */
interface Rates extends Percentiles {
  accepted: number
  ended: number
  rejected: number
  dead: number
}

/** What has happened since the sample before. */
export interface Sample extends Rates {
  /** Milliseconds since 1970. */
  at: number
  connections: Readonly<Record<string, number>>
  queues: readonly Queue[]
  loop_p50_ms: number
  loop_p99_ms: number
}

/** A command's rate per second and percentiles over the last minute. */
export interface CommandRate extends Percentiles {
  command: string
  ended: number
}

export interface Now extends Rates {
  /** Seconds over which the rates are taken. */
  over_s: number
  commands: CommandRate[]
  reading: Reading
  loop: LoopDelay
}

export type History = Awaited<ReturnType<typeof openHistory>>

/**
 * Keeps samples of the last hour in memory, for plots without a Prometheus. Costs a reading of some metrics every ten seconds, and
 * nothing per message.
 * @param every milliseconds between two samples
 */
export async function openHistory(registry: Registry, queues: () => readonly Queue[], every = EVERY) {
  const samples: Sample[] = []
  /** The readings of the last minute, the oldest first. */
  const recent: Reading[] = [await read(registry)]
  let loop = await readLoopDelay(registry)

  async function sample(): Promise<void> {
    const [before, now] = [recent.at(-1)!, await read(registry)]
    loop = await readLoopDelay(registry)
    recent.push(now)
    if (recent.length > RECENT) recent.shift()
    samples.push({
      at: now.at,
      ...rates(before, now),
      connections: now.connections,
      queues: queues().slice(0, MAX_NAMED),
      loop_p50_ms: round(loop.p50 * 1000),
      loop_p99_ms: round(loop.p99 * 1000),
    })
    if (samples.length > MAX_SAMPLES) samples.shift()
  }
  const clock = setInterval(() => void sample().catch(() => {}), every).unref() // a metric that fails is told by /metrics

  return {
    /** The samples after a time, the oldest first. */
    after: (at: number): Sample[] => samples.filter((one) => one.at > at),
    async now(): Promise<Now> {
      const [before, reading] = [recent[0]!, await read(registry)]
      const commands = [...reading.ended].flatMap(([command, buckets]): CommandRate[] => {
        const ended = since(before.ended.get(command), buckets)
        const count = countOf(ended)
        return count === 0 ? [] : [{ command, ended: perSecond(count, before, reading), ...percentiles(ended) }]
      })
      return {
        over_s: Math.round((reading.at - before.at) / 1000),
        ...rates(before, reading),
        commands: commands.toSorted((a, b) => b.ended - a.ended).slice(0, MAX_NAMED),
        reading,
        loop,
      }
    },
    close: async (): Promise<void> => clearInterval(clock),
  }
}

function rates(before: Reading, now: Reading): Rates {
  const ended = since(total(before.ended.values()), total(now.ended.values()))
  const rate = (key: 'accepted' | 'rejected' | 'dead'): number => perSecond(now[key] - before[key], before, now)
  return {
    accepted: rate('accepted'),
    ended: perSecond(countOf(ended), before, now),
    rejected: rate('rejected'),
    dead: rate('dead'),
    ...percentiles(ended),
  }
}

function percentiles(ended: Buckets): Percentiles {
  const [p50, p99] = [quantile(0.5, ended), quantile(0.99, ended)]
  return p50 === undefined || p99 === undefined ? {} : { p50_ms: round(p50 * 1000), p99_ms: round(p99 * 1000) }
}

const countOf = (buckets: Buckets): number => buckets.get(Infinity) ?? 0
const perSecond = (count: number, before: Reading, now: Reading): number =>
  round((count * 1000) / Math.max(1, now.at - before.at))
const round = (value: number): number => Math.round(value * 100) / 100
