import { parseArgs } from 'node:util'
import { fuzzCodec } from './fuzz/codec.ts'
import { runFuzz, type FuzzReport } from './fuzz/run-fuzz.ts'

// npm run fuzz: sends broken MQTT packets to a real broker, which must neither end nor grow. With --codec: passes packets through our codec
// and mqtt-packet, which must read them alike.

const USAGE = `usage: npm run fuzz -- [options]
  --packets 200000    number of packets, valid and mutated; with --codec 1000000
  --connections 16    connections at a time; a tenth of them over WebSocket
  --seed N            repeats the packets; without it, a seed is chosen and printed
  --codec             compares our codec with mqtt-packet, without a broker
Exits with 1 if the broker ended, if another user got no answer for 10 s, or if, with a million packets or more, the broker's live objects
grew by more than a tenth; with --codec, if the two read a packet differently or ours alone accepts it.
`

function count(name: string, text: string, least = 1): number {
  if (!/^\d{1,12}$/.test(text) || Number(text) < least)
    throw new Error(`--${name}: ${text} is not a whole number of at least ${least}`)
  return Number(text)
}

function print({ waits, live, most, parsed, ...report }: FuzzReport): number {
  const { sent, mutated, connections, closedByBroker, seconds, crash, ownDelay } = report
  const at = (share: number): number => Math.round(waits[Math.floor((waits.length - 1) * share)] ?? 0)
  const growth = live.early > 0 ? (100 * (live.late - live.early)) / live.early : 0
  const faults = [
    ...(crash === undefined ? [] : [`the broker ended:\n${crash}`]),
    ...(at(1) > 10_000 ? ['another user got no answer for 10 s'] : []),
    ...(sent >= 1_000_000 && growth > 10 ? ["the broker's live objects grew by more than a tenth"] : []),
  ]
  const lines = [
    '',
    `${sent} packets in ${seconds} s (${Math.round(sent / seconds)}/s), ${mutated} mutated, over ${connections} connections; the broker closed ${closedByBroker}`,
    `parsed: ${Object.values(parsed).reduce((sum, one) => sum + one, 0)} (${Object.entries(parsed)
      .map(([kind, n]) => `${kind} ${n}`)
      .join(', ')})`,
    `another user waited p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms (the measuring process itself was late by ${ownDelay} ms at p99)`,
    `the broker's live objects: ${live.early.toFixed(1)} MB after a fifth, ${live.late.toFixed(1)} MB at the end (${growth.toFixed(1)} %); peak memory ${most} MB`,
    ...faults,
    `${faults.length} faults`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  return faults.length
}

/** Compares in parts, to report progress. */
function compareCodecs(seed: number, packets: number): number {
  const part = 50_000
  const sum = { packets: 0, mutated: 0, taken: 0 }
  const stricter = new Map<string, number>()
  const differences: string[] = []
  for (let i = 0; sum.packets < packets && differences.length === 0; i++) {
    const report = fuzzCodec(seed + i, Math.min(part, packets - sum.packets))
    for (const key of ['packets', 'mutated', 'taken'] as const) sum[key] += report[key]
    for (const [reason, n] of Object.entries(report.stricter)) stricter.set(reason, (stricter.get(reason) ?? 0) + n)
    differences.push(...report.differences)
    process.stdout.write(`${sum.packets} packets, ${differences.length} differences\n`)
  }
  const reasons = [...stricter].toSorted(([, a], [, b]) => b - a).map(([reason, n]) => `  ${n} ${reason}`)
  const lines = [
    '',
    `${sum.packets} packets, ${sum.mutated} mutated; ${sum.taken} accepted and read alike; refused by ours though mqtt-packet accepts them:`,
    ...reasons,
    ...differences,
    `${differences.length} differences`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  return differences.length
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      packets: { type: 'string' },
      connections: { type: 'string', default: '16' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      codec: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return void process.stdout.write(USAGE)
  const plan = {
    seed: count('seed', values.seed, 0),
    packets: count('packets', values.packets ?? (values.codec ? '1000000' : '200000')),
    connections: count('connections', values.connections),
  }
  process.stdout.write(`seed ${plan.seed}\n`)
  if (values.codec) {
    if (compareCodecs(plan.seed, plan.packets) > 0) process.exitCode = 1
    return
  }
  const report = await runFuzz(plan, (line) => process.stdout.write(`${line}\n`))
  if (print(report) > 0) process.exitCode = 1
}

main().catch((err: unknown) => {
  process.stderr.write(`${(err as Error).message}\n`)
  process.exitCode = 1
})
