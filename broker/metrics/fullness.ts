import { Gauge, type Registry } from 'prom-client'

/** How much of one kind is kept, and the limit. */
export interface Fullness {
  readonly kind: string
  /** The kind, as people call it. */
  readonly what: string
  /** Bytes. */
  readonly used: number
  readonly limit: number
  /** Used part of the nearest limit, where limits other than bytes exist. */
  readonly part?: number
  /** For the operator: who holds the most, and what happens beyond the limit. */
  readonly most?: string | undefined
  readonly beyond?: string
}

/** From this part on, `/readyz` reports it. */
export const NEARLY = 0.9

/** Registers gauges of how full each kind is. */
export function gaugeFullness(registry: Registry, all: () => readonly Fullness[]): void {
  const gauges = [
    ['storage_used_bytes', 'Bytes kept, by kind', ({ used }: Fullness) => used],
    ['storage_limit_bytes', 'Bytes that may be kept, by kind', ({ limit }: Fullness) => limit],
  ] as const
  for (const [name, help, valueOf] of gauges) {
    const gauge = new Gauge({
      name,
      help,
      labelNames: ['kind'],
      registers: [],
      collect() {
        for (const one of all()) this.set({ kind: one.kind }, valueOf(one))
      },
    })
    registry.registerMetric(gauge)
  }
}

/** A line for each kind that is nearly full. */
export function nearlyFull(all: readonly Fullness[]): string[] {
  return all.flatMap((one) => {
    const { what, used, limit, part = limit === 0 ? 0 : used / limit, most, beyond } = one
    if (part < NEARLY) return []
    const who = most === undefined ? '' : `, most of it taken by ${most}`
    return [`the room for ${what} is ${percent(part)} full${who}${beyond === undefined ? '' : `; beyond, ${beyond}`}`]
  })
}

export function percent(part: number): string {
  return `${Math.min(Math.floor(part * 100), 100)} %`
}
