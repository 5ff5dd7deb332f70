import { drive, type Load } from './drive.ts'
import { row, watching } from './measure.ts'
import { echoTargets } from './targets.ts'

type Figures = Awaited<ReturnType<typeof drive>> & { cpu: number; rss: number }

/** Echo commands, from devices to handler processes and back. */
export async function loadEcho(load: Load, handlers: number, rounds: number, only?: string): Promise<void> {
  const out = (text: string): unknown => process.stdout.write(text)
  out(row('echo', ['cmd/s', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU %', 'MB']))
  const all = new Map<string, Figures[]>()
  for (let round = 0; round < rounds; round++) {
    for (const open of echoTargets(handlers, only)) {
      const target = await open()
      if (!target) {
        if (round === 0) out('mosquitto is not installed here: not compared\n')
        continue
      }
      try {
        const figures = await watching(target.pid, () => drive(target, load))
        all.set(target.name, [...(all.get(target.name) ?? []), figures])
        if (rounds > 1) out(row(target.name, cells(figures)))
      } finally {
        await target.close()
      }
    }
  }
  const medians = [...all].map(([name, figures]) => ({ name, figures: medianOf(figures) }))
  for (const { name, figures } of medians) out(row(rounds > 1 ? `${name}, median` : name, cells(figures)))
  const [ours, theirs] = medians
  if (ours && theirs) {
    out(`ratio of commands per second: ${(ours.figures.perSecond / theirs.figures.perSecond).toFixed(2)}\n`)
  }
}

function cells({ perSecond, p50, p95, p99, cpu, rss }: Figures): number[] {
  return [perSecond, p50, p95, p99, cpu, rss]
}

function medianOf(all: readonly Figures[]): Figures {
  const of = (key: keyof Figures): number =>
    all.map((one) => one[key]).toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!
  return { perSecond: of('perSecond'), p50: of('p50'), p95: of('p95'), p99: of('p99'), cpu: of('cpu'), rss: of('rss') }
}
