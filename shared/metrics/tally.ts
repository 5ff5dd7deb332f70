import { Counter, Histogram, type Registry } from 'prom-client'

// Metrics of the hot path: plain numbers that the registry reads when it is scraped. prom-client's own metrics look up and check
// labels at every count.

interface Named {
  name: string
  help: string
  registry: Registry
}

interface Labelled extends Named {
  label: string
}

/** A counter with one label. */
export class Tally {
  readonly #counts = new Map<string, { count: number }>()

  constructor({ name, help, label, registry }: Labelled) {
    const counts = this.#counts
    const counter = new Counter({
      name,
      help,
      labelNames: [label],
      registers: [],
      collect() {
        this.reset()
        for (const [value, { count }] of counts) this.labels(value).inc(count)
      },
    })
    registry.registerMetric(counter)
  }

  add(value: string): void {
    const known = this.#counts.get(value)
    if (known) known.count++
    else this.#counts.set(value, { count: 1 })
  }
}

interface Observed {
  /** Count per bucket: above the previous bound, up to this one; the last bucket is above all bounds. */
  readonly counts: number[]
  sum: number
}

/** A histogram with at most one label. */
export class Durations extends Histogram {
  readonly #observed = new Map<string, Observed>()
  readonly #bounds: readonly number[]
  readonly #named: Named & { label?: string }

  /** @param bounds in the unit of its name, ascending */
  constructor(named: Named & { label?: string }, bounds: readonly number[]) {
    const { name, help, label, registry } = named
    super({ name, help, labelNames: label === undefined ? [] : [label], buckets: [...bounds], registers: [] })
    this.#bounds = bounds
    this.#named = named
    if (label === undefined) this.#of('') // it is reported from the start
    registry.registerMetric(this)
  }

  /** @param value of the label; of a histogram without one, the empty string */
  took(value: string, amount: number): void {
    const observed = this.#observed.get(value) ?? this.#of(value)
    let bucket = 0
    while (bucket < this.#bounds.length && amount > this.#bounds[bucket]!) bucket++
    observed.counts[bucket]!++
    observed.sum += amount
  }

  #of(value: string): Observed {
    const observed = { counts: Array.from({ length: this.#bounds.length + 1 }, () => 0), sum: 0 }
    this.#observed.set(value, observed)
    return observed
  }

  /** Called by prom-client for the text format and for `get`. */
  async getForPromString() {
    const { name, help, label } = this.#named
    const values = [...this.#observed].flatMap(([value, { counts, sum }]) => {
      const sharedLabels = label === undefined ? {} : { [label]: value }
      let count = 0
      const buckets = counts.map((one, i) => {
        count += one
        const labels = { le: this.#bounds[i] ?? '+Inf' }
        return { labels, value: count, metricName: `${name}_bucket`, exemplar: null, sharedLabels }
      })
      return [
        ...buckets,
        { labels: {}, value: sum, metricName: `${name}_sum`, sharedLabels },
        { labels: {}, value: count, metricName: `${name}_count`, sharedLabels },
      ]
    })
    return { name, help, type: 'histogram', values, aggregator: 'sum' }
  }
}
