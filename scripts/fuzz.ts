import { parseArgs } from 'node:util'
import { runFuzz, type FuzzReport } from './fuzz/run-fuzz.ts'

// npm run fuzz: broken MQTT packets against a real broker. What ends it, or makes it grow, is a bug.

const USAGE = `usage: npm run fuzz -- [options]
  --packets 200000    packets, valid and mutated ones
  --connections 16    at a time; a tenth of them over WebSocket
  --seed N            to repeat the packets; else one is chosen, and said
Ends with 1 when the broker ended, when another user got no answer for 10 s, or, from a million packets on, when what the broker
keeps has grown by more than a tenth.
`

function count(name: string, text: string, least = 1): number {
  if (!/^\d{1,12}$/.test(text) || Number(text) < least)
    throw new Error(`--${name}: ${text} is no whole number from ${least}`)
  return Number(text)
}

function print({ waits, live, most, parsed, ...report }: FuzzReport): number {
  const { sent, mutated, connections, closedByBroker, seconds, crash, ownDelay } = report
  const at = (share: number): number => Math.round(waits[Math.floor((waits.length - 1) * share)] ?? 0)
  const growth = live.early > 0 ? (100 * (live.late - live.early)) / live.early : 0
  const faults = [
    ...(crash === undefined ? [] : [`the broker ended:\n${crash}`]),
    ...(at(1) > 10_000 ? ['another user got no answer for 10 s'] : []),
    ...(sent >= 1_000_000 && growth > 10 ? ['what the broker keeps has grown by more than a tenth'] : []),
  ]
  const lines = [
    '',
    `${sent} packets in ${seconds} s (${Math.round(sent / seconds)}/s), ${mutated} mutated, over ${connections} connections; the broker closed ${closedByBroker}`,
    `parsed: ${Object.values(parsed).reduce((sum, one) => sum + one, 0)} (${Object.entries(parsed)
      .map(([kind, n]) => `${kind} ${n}`)
      .join(', ')})`,
    `another user waited p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms (the measuring itself was late by ${ownDelay} ms at p99)`,
    `the broker's live objects: ${live.early.toFixed(1)} MB after a fifth, ${live.late.toFixed(1)} MB at the end (${growth.toFixed(1)} %); it held ${most} MB at most`,
    ...faults,
    `${faults.length} faults`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  return faults.length
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      packets: { type: 'string', default: '200000' },
      connections: { type: 'string', default: '16' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return void process.stdout.write(USAGE)
  const plan = {
    seed: count('seed', values.seed, 0),
    packets: count('packets', values.packets),
    connections: count('connections', values.connections),
  }
  process.stdout.write(`seed ${plan.seed}\n`)
  const report = await runFuzz(plan, (line) => process.stdout.write(`${line}\n`))
  if (print(report) > 0) process.exitCode = 1
}

main().catch((err: unknown) => {
  process.stderr.write(`${(err as Error).message}\n`)
  process.exitCode = 1
})
