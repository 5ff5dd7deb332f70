import { parseArgs } from 'node:util'
import { KINDS, type Kind } from './faults/injector.ts'
import { runFaults, type FaultReport } from './faults/run-faults.ts'

// npm run faults: kills the platform's processes at random under load, and checks that no command is lost, doubled or overtaken.

const USAGE = `usage: npm run faults -- [options]
  --kills 20          number of faults of each kind
  --commands 50000    minimum number of commands
  --kinds ${KINDS.join(',')}
                      handler, broker: kill -9; freeze: SIGSTOP of a handler; cut: connections reset or black-holed;
                      restart: SIGTERM of a handler or the broker
  --handlers 3        handler processes
  --devices 40        connected devices; half of them send
  --seed N            repeats an order of faults; without it, a seed is chosen and printed
Exits with 1 if a command was lost, doubled or overtaken.
`

function count(name: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`--${name}: ${text} is not a whole number`)
  return Number(text)
}

function at(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b)
  return String(Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)).padStart(8)
}

function print({ counts, violations, seconds, recovery, brokerMb }: FaultReport): void {
  const lines = [
    '',
    `${counts.sent} commands in ${seconds} s (${Math.round(counts.sent / seconds)}/s), ${counts.acknowledged} acknowledged, ${counts.answered} answered, ${counts.dead} of them dead`,
    `repeated answers: ${counts.repeats}; repeated events: ${counts.redelivered} (identical, at QoS 1)`,
    `the broker held ${brokerMb} MB at most`,
    '',
    `${'milliseconds after'.padEnd(20)}${'faults'.padStart(7)}${'p50'.padStart(8)}${'p99'.padStart(8)}${'max'.padStart(8)}`,
    ...Object.entries(recovery).flatMap(([kind, { answered, connected }]) => [
      `${`${kind}: answered`.padEnd(20)}${String(answered.length).padStart(7)}${at(answered, 0.5)}${at(answered, 0.99)}${at(answered, 1)}`,
      `${`${kind}: connected`.padEnd(20)}${String(connected.length).padStart(7)}${at(connected, 0.5)}${at(connected, 0.99)}${at(connected, 1)}`,
    ]),
    '',
    ...violations.slice(0, 30).map(({ kind, text }) => `${kind}: ${text}`),
    `${violations.length} violations`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '20' },
      commands: { type: 'string', default: '50000' },
      kinds: { type: 'string', default: KINDS.join(',') },
      handlers: { type: 'string', default: '3' },
      devices: { type: 'string', default: '40' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return void process.stdout.write(USAGE)
  const kinds = values.kinds.split(',')
  const unknown = kinds.find((kind) => !(KINDS as readonly string[]).includes(kind))
  if (unknown !== undefined) throw new Error(`--kinds: unknown kind ${unknown}; known kinds: ${KINDS.join(', ')}`)
  const seed = count('seed', values.seed)
  process.stdout.write(`seed ${seed}\n`)
  const report = await runFaults(
    {
      seed,
      kills: count('kills', values.kills),
      commands: count('commands', values.commands),
      kinds: kinds as Kind[],
      handlers: count('handlers', values.handlers),
      devices: count('devices', values.devices),
    },
    (line) => process.stdout.write(`${line}\n`),
  )
  print(report)
  if (report.violations.length > 0) process.exitCode = 1
}

main().catch((err: unknown) => {
  process.stderr.write(`${(err as Error).message}\n`)
  process.exitCode = 1
})
