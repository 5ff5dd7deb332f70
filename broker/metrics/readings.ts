import type { Registry } from 'prom-client'

// The numbers behind the console, read from the metrics that Prometheus scrapes: each is counted once.

/** A duration histogram: by upper bound in seconds, how many took no longer. The last bound is infinite. */
export type Buckets = ReadonlyMap<number, number>

/** All metrics of interest at one moment. Counts are since the start of the broker. */
export interface Reading {
  /** Milliseconds since 1970. */
  at: number
  accepted: number
  rejected: number
  dead: number
  /** From acceptance to answer, by command. */
  ended: ReadonlyMap<string, Buckets>
  connections: Readonly<Record<string, number>>
  /** By reason; under `all` where the metric has no reasons. */
  refusedLogins: Readonly<Record<string, number>>
}

/** Delay of the event loop since it was read last, in seconds. */
export interface LoopDelay {
  p50: number
  p99: number
}

export async function read(registry: Registry): Promise<Reading> {
  const [accepted, rejected, dead, ended, connections, refusedLogins] = await Promise.all([
    sum(registry, 'commands_accepted_total'),
    sum(registry, 'commands_rejected_total'),
    sum(registry, 'commands_dead_total'),
    histograms(registry, 'command_seconds', 'command'),
    by(registry, 'mqtt_connections', 'kind'),
    by(registry, 'mqtt_connects_refused_total', 'reason'),
  ])
  return { at: Date.now(), accepted, rejected, dead, ended, connections, refusedLogins }
}

/** Reading starts the measurement anew, for a scrape of Prometheus as well. */
export async function readLoopDelay(registry: Registry): Promise<LoopDelay> {
  await valuesOf(registry, 'nodejs_eventloop_lag_seconds') // its collection sets the percentiles
  const [p50, p99] = await Promise.all(
    ['p50', 'p99'].map((which) => sum(registry, `nodejs_eventloop_lag_${which}_seconds`)),
  )
  return { p50: p50!, p99: p99! }
}

/** Where this part of the durations lies, in seconds, interpolated within its bucket; undefined without any. */
export function quantile(part: number, buckets: Buckets): number | undefined {
  const count = Math.max(0, ...buckets.values())
  if (count === 0) return undefined
  let [lower, below] = [0, 0]
  for (const [bound, upTo] of [...buckets].toSorted(([a], [b]) => a - b)) {
    if (upTo >= part * count) {
      if (bound === Infinity) return lower // no more is known than that it took longer
      return upTo === below ? bound : lower + ((bound - lower) * (part * count - below)) / (upTo - below)
    }
    ;[lower, below] = [bound, upTo]
  }
  return lower
}

/** What was observed between two readings. */
export function since(before: Buckets | undefined, now: Buckets): Buckets {
  return new Map([...now].map(([bound, count]) => [bound, count - (before?.get(bound) ?? 0)]))
}

export function total(all: Iterable<Buckets>): Buckets {
  const sums = new Map<number, number>()
  for (const one of all) for (const [bound, count] of one) sums.set(bound, (sums.get(bound) ?? 0) + count)
  return sums
}

interface Value {
  value: number
  labels: Partial<Record<string, string | number>>
}

async function valuesOf(registry: Registry, name: string): Promise<Value[]> {
  const metric = registry.getSingleMetric(name)
  return metric ? (await metric.get()).values : []
}

async function sum(registry: Registry, name: string): Promise<number> {
  return (await valuesOf(registry, name)).reduce((all, { value }) => all + value, 0)
}

async function by(registry: Registry, name: string, label: string): Promise<Record<string, number>> {
  const sums = new Map<string, number>()
  for (const { labels, value } of await valuesOf(registry, name)) {
    const key = String(labels[label] ?? 'all')
    sums.set(key, (sums.get(key) ?? 0) + value)
  }
  return Object.fromEntries(sums)
}

async function histograms(registry: Registry, name: string, label: string): Promise<Map<string, Buckets>> {
  const found = new Map<string, Map<number, number>>()
  for (const { labels, value } of await valuesOf(registry, name)) {
    if (labels['le'] === undefined) continue // its sum and count
    const key = String(labels[label])
    let buckets = found.get(key)
    if (!buckets) found.set(key, (buckets = new Map()))
    buckets.set(labels['le'] === '+Inf' ? Infinity : Number(labels['le']), value)
  }
  return found
}
