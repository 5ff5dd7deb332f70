import { Gauge, type Registry } from 'prom-client'

/** Registers a gauge whose value is looked up at each scrape; while that is undefined, the gauge is left out. */
export function gaugeCount(
  registry: Registry,
  name: string,
  help: string,
  valueOf: () => number | undefined | Promise<number | undefined>,
): void {
  const gauge = new Gauge({
    name,
    help,
    registers: [],
    async collect() {
      const value = await valueOf()
      if (value === undefined) this.remove()
      else this.set(value)
    },
  })
  registry.registerMetric(gauge)
}

/** Registers a gauge with one label; its values are looked up at each scrape. */
export function gaugeEach(
  registry: Registry,
  { name, help, label }: { name: string; help: string; label: string },
  all: () => Iterable<readonly [string, number]>,
): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [],
    collect() {
      this.reset()
      for (const [value, number] of all()) this.set({ [label]: value }, number)
    },
  })
  registry.registerMetric(gauge)
}
