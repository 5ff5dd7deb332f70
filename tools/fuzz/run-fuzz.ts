import type { ChildProcess } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { closeAll, type Closable } from '../../shared/shutdown.ts'
import type { Device } from '../../test/device.ts'
import { Parts } from '../../test/parts.ts'
import { Run } from '../../test/process.ts'

export interface FuzzPlan {
  seed: number
  packets: number
  connections: number
}

export interface FuzzReport {
  seconds: number
  sent: number
  mutated: number
  connections: number
  closedByBroker: number
  /** Packets that the broker's parser recognised, by kind. */
  parsed: Record<string, number>
  /** What ended the broker, and what was sent last; undefined if it did not end. */
  crash: string | undefined
  /** Milliseconds that another user waited for their answers, sorted. */
  waits: number[]
  /** Milliseconds by which the measuring process itself was late, at its 99th percentile. */
  ownDelay: number
  /** Peak memory of the broker, in megabytes. */
  most: number
  /** Megabytes of its live objects after the first fifth and at the end, each after some idle seconds. */
  live: { early: number; late: number }
}

interface Told {
  sent: number
  mutated: number
  connections: number
  closedByBroker: number
  done?: boolean
  lastSent?: string[]
}

/** Lifts the limits that would stop a fuzzer for its rate alone, and shortens all retention, so that any growth is a leak. */
const SETTINGS = {
  LOG_LEVEL: 'error',
  CONNECTS_PER_CLIENT: '1000000',
  CONNECTS_PER_ADDRESS: '10000000',
  PUBLISHES_PER_USER: '10000000',
  PACKETS_PER_CONNECTION: '100000000',
  IDEMPOTENCY_WINDOW: '1000',
  SESSION_TTL: '1000',
  MAX_OFFLINE_EVENTS: '100',
  MAX_RETAINED: '100',
}
/** Milliseconds without a packet after which the run counts as hung. */
const STUCK = 60_000
/** Milliseconds after which everything that it keeps for a second has expired. */
const QUIET = 5_000

/** Fuzzes a real broker from a separate process, while another user keeps using it. */
export async function runFuzz(plan: FuzzPlan, says: (line: string) => void): Promise<FuzzReport> {
  const opened: Closable[] = []
  const report: FuzzReport = {
    seconds: 0,
    sent: 0,
    mutated: 0,
    connections: 0,
    closedByBroker: 0,
    parsed: {},
    crash: undefined,
    waits: [],
    ownDelay: 0,
    most: 0,
    live: { early: 0, late: 0 },
  }
  try {
    const parts = await Parts.open(SETTINGS)
    opened.push(parts)
    const heap = join(parts.dir, 'heap')
    mkdirSync(heap)
    await parts.killBroker()
    await parts.startBroker({ NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${heap}` })
    await parts.startHandlers()
    const alice = await parts.device('alice')
    const fifth = Math.ceil(plan.packets / 5)
    for (const [part, packets] of [fifth, plan.packets - fifth].entries()) {
      await attack(parts, alice, { ...plan, packets, seed: plan.seed + part }, report, says)
      if (report.crash !== undefined) break
      await pause(QUIET)
      report.live[part === 0 ? 'early' : 'late'] = await liveMegabytes(parts.broker.child, heap)
    }
    if (report.crash === undefined) report.parsed = await packetsParsed(parts)
    report.waits.sort((a, b) => a - b)
    return report
  } finally {
    await closeAll(opened)
  }
}

/** Runs one attacker until it has sent its packets or the broker has ended. */
async function attack(
  parts: Parts,
  alice: Device,
  plan: FuzzPlan,
  report: FuzzReport,
  says: (line: string) => void,
): Promise<void> {
  const { broker } = parts
  const { mqtts, wss } = ((await broker.ready) as { ready: { mqtts: number; wss: number } }).ready
  const args = [mqtts, wss, parts.env['SECRET'], plan.packets, plan.seed, plan.connections].map(String)
  const attacker = parts.keep(new Run(['tools/fuzz/attacker.ts', ...args], { env: {}, through: ['nice', '-n', '10'] }))
  const told = (): Told => {
    const last = attacker.stdout.trim().split('\n').at(-1)
    return last ? (JSON.parse(last) as Told) : { sent: 0, mutated: 0, connections: 0, closedByBroker: 0 }
  }
  const delay = monitorEventLoopDelay()
  delay.enable()
  const stop = new AbortController()
  const waiting = askAgain(alice, stop.signal)
  const began = performance.now()
  let [last, since] = [0, began]
  const ended = Promise.race([attacker.ended, broker.ended]).then(() => true)
  while (!(await Promise.race([ended, pause(1_000, false)]))) {
    const { sent, mutated, connections } = told()
    const [held, seconds] = [megabytes(broker.pid), Math.round((performance.now() - began) / 1000)]
    says(`${seconds} s: ${sent} packets, ${mutated} mutated, ${connections} connections, ${held} MB`)
    report.most = Math.max(report.most, held)
    if (sent !== last) [last, since] = [sent, performance.now()]
    if (performance.now() - since > STUCK) throw new Error('no packet was sent for a minute')
  }
  const isGone = broker.child.exitCode !== null || broker.child.signalCode !== null
  if (isGone) attacker.kill('SIGTERM')
  await attacker.ended
  stop.abort()
  const { sent, mutated, connections, closedByBroker, lastSent, done } = told()
  if (isGone) report.crash = `${broker.stderr.slice(-3_000)}\nlast sent, by connection:\n${lastSent?.join('\n')}`
  else if (!done) throw new Error(`the fuzzer itself ended: ${attacker.stderr.slice(-2_000)}`)
  report.seconds += Math.round((performance.now() - began) / 1000)
  report.sent += sent
  report.mutated += mutated
  report.connections += connections
  report.closedByBroker += closedByBroker
  report.waits.push(...(await waiting))
  report.ownDelay = Math.max(report.ownDelay, Math.round(delay.percentile(99) / 1e6))
}

/** A process's live objects after a full garbage collection, by a snapshot of its heap. */
async function liveMegabytes(process: ChildProcess, folder: string): Promise<number> {
  process.kill('SIGUSR2')
  for (let size = -1; ;) {
    await pause(1_000)
    const [file] = readdirSync(folder)
    const now = file === undefined ? -1 : statSync(join(folder, file)).size
    if (file === undefined || now !== size || now === 0) {
      size = now
      continue
    }
    const { snapshot, nodes } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as HeapSnapshot
    rmSync(join(folder, file))
    const fields = snapshot.meta.node_fields
    let bytes = 0
    for (let i = fields.indexOf('self_size'); i < nodes.length; i += fields.length) bytes += nodes[i]!
    return bytes / 2 ** 20
  }
}

interface HeapSnapshot {
  snapshot: { meta: { node_fields: string[] } }
  nodes: number[]
}

/** How long each answer took. A missing answer counts as long as its deadline. */
async function askAgain(alice: Device, stop: AbortSignal): Promise<number[]> {
  const waits: number[] = []
  while (!stop.aborted) {
    const asked = performance.now()
    await alice.asks('whoami').catch(() => {})
    waits.push(performance.now() - asked)
    await pause(50, undefined, { signal: stop }).catch(() => {})
  }
  return waits
}

async function packetsParsed(parts: Parts): Promise<Record<string, number>> {
  const metrics = await (await fetch(`${parts.admin}/metrics`)).text()
  const found = metrics.matchAll(/^mqtt_packets_received_total\{kind="(\w+)"\} (\d+)/gm)
  return Object.fromEntries(Array.from(found, ([, kind, count]) => [kind!, Number(count)]))
}

function megabytes(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024)
  } catch {
    return 0
  }
}
