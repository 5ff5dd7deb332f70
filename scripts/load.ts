import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { drive, type Load, type Target } from './load/drive.ts'
import { mosquitto, switchboard } from './load/targets.ts'

// npm run load: echo commands, from devices to handler processes and back, side by side with what is installed here.

const USAGE = `usage: npm run load -- [options]
  --devices 50     connected devices
  --in-flight 4    unanswered commands of each device
  --seconds 10     measured, after two of warming up
  --handlers 1     handler processes
  --bytes 64       of text in each command
  --rounds 1       rounds of each target, taken in turn; the medians are compared
  --only NAME      switchboard or mosquitto
`

interface Row {
  name: string
  perSecond: number
  p50: number
  p95: number
  p99: number
  cpu: number
  rss: number
}

async function measure(target: Target, load: Load): Promise<Row> {
  const before = cpuSeconds(target.pid)
  const began = performance.now()
  const figures = await drive(target, load)
  const cpu = (cpuSeconds(target.pid) - before) / ((performance.now() - began) / 1000)
  return { name: target.name, ...figures, cpu: cpu * 100, rss: rssMegabytes(target.pid) }
}

/** Linux counts a process' time in hundredths of a second. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function rssMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

function summary(rows: Row[]): Row {
  const of = (key: Exclude<keyof Row, 'name'>): number => median(rows.map((row) => row[key]))
  return {
    name: rows[0]!.name,
    perSecond: of('perSecond'),
    p50: of('p50'),
    p95: of('p95'),
    p99: of('p99'),
    cpu: of('cpu'),
    rss: of('rss'),
  }
}

function line({ name, perSecond, p50, p95, p99, cpu, rss }: Row): string {
  const cells = [perSecond.toFixed(0), p50.toFixed(1), p95.toFixed(1), p99.toFixed(1), cpu.toFixed(0), rss.toFixed(0)]
  return name.padEnd(12) + cells.map((cell) => cell.padStart(10)).join('')
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      devices: { type: 'string', default: '50' },
      'in-flight': { type: 'string', default: '4' },
      seconds: { type: 'string', default: '10' },
      handlers: { type: 'string', default: '1' },
      bytes: { type: 'string', default: '64' },
      rounds: { type: 'string', default: '1' },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return
  }
  const load: Load = {
    devices: Number(values.devices),
    inFlight: Number(values['in-flight']),
    seconds: Number(values.seconds),
    payloadBytes: Number(values.bytes),
  }
  const handlers = Number(values.handlers)
  const rounds = Number(values.rounds)
  const wrong = [...Object.values(load), handlers, rounds].some((value) => !Number.isInteger(value) || value < 1)
  if (wrong) throw new Error(USAGE)
  const open = { switchboard: () => switchboard(handlers), mosquitto: () => mosquitto(handlers) }
  const names = (['switchboard', 'mosquitto'] as const).filter((name) => (values.only ?? name) === name)
  if (names.length === 0) throw new Error(USAGE)

  process.stdout.write(`${JSON.stringify({ ...load, handlers, rounds })}\n`)
  process.stdout.write(
    `${'echo'.padEnd(12)}${['cmd/s', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU %', 'MB'].map((h) => h.padStart(10)).join('')}\n`,
  )
  const rows = new Map<string, Row[]>()
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const target = await open[name]()
      if (!target) {
        if (round === 0) process.stdout.write(`${name} is not installed here: not compared\n`)
        continue
      }
      let row: Row
      try {
        row = await measure(target, load)
      } finally {
        await target.close()
      }
      rows.set(name, [...(rows.get(name) ?? []), row])
      if (rounds > 1) process.stdout.write(`${line(row)}\n`)
    }
  }
  const medians = [...rows.values()].map(summary)
  for (const row of medians) process.stdout.write(`${line(row)}${rounds > 1 ? '  median' : ''}\n`)
  const [ours, theirs] = medians
  if (ours && theirs)
    process.stdout.write(`ratio of commands per second: ${(ours.perSecond / theirs.perSecond).toFixed(2)}\n`)
}

main().catch((err: Error) => {
  process.stderr.write(`${err.message}\n`)
  process.exit(1)
})
