import { readFileSync } from 'node:fs'
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
  /** Packets that the broker's parser made out, by kind. */
  parsed: Record<string, number>
  /** What ended the broker, and what was sent last; undefined when nothing did. */
  crash: string | undefined
  /** Milliseconds that another user waited for his answers, sorted. */
  waits: number[]
  /** Milliseconds by which the measuring process was late itself, at its 99th percentile. */
  ownDelay: number
  /** Megabytes of the broker after the first fifth, and at the end, when it had some seconds to itself. */
  memory: { early: number; late: number }
}

interface Told {
  sent: number
  mutated: number
  connections: number
  closedByBroker: number
  done?: boolean
  lastSent?: string[]
}

/** Lifts the limits that would end a fuzzer by its rate alone, and lets nothing be remembered for long: what grows is a leak. */
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
/** Milliseconds without a packet after which something hangs. */
const STUCK = 60_000

/** Fuzzes a real broker from a process of its own, while another user goes on. */
export async function runFuzz(plan: FuzzPlan, says: (line: string) => void): Promise<FuzzReport> {
  const opened: Closable[] = []
  try {
    const parts = await Parts.open(SETTINGS)
    opened.push(parts)
    await parts.startHandlers()
    const alice = await parts.device('alice')
    const { broker } = parts
    const { mqtts, wss } = ((await broker.ready) as { ready: { mqtts: number; wss: number } }).ready
    const args = [mqtts, wss, parts.env['SECRET'], plan.packets, plan.seed, plan.connections].map(String)
    const began = performance.now()
    const attacker = parts.keep(
      new Run(['scripts/fuzz/attacker.ts', ...args], { env: {}, through: ['nice', '-n', '10'] }),
    )
    const told = (): Told => {
      const lines = attacker.stdout.trim().split('\n')
      const none = { sent: 0, mutated: 0, connections: 0, closedByBroker: 0 }
      return lines.at(-1) ? (JSON.parse(lines.at(-1)!) as Told) : none
    }

    const delay = monitorEventLoopDelay()
    delay.enable()
    const stop = new AbortController()
    const waiting = askAgain(alice, stop.signal)
    let [early, isWarm, last, since] = [0, false, 0, performance.now()]
    const ended = attacker.ended.then(() => true)
    while (!(await Promise.race([ended, broker.ended.then(() => true), pause(1_000, false)]))) {
      const { sent, mutated, connections } = told()
      says(
        `${Math.round((performance.now() - began) / 1000)} s: ${sent} packets, ${mutated} mutated, ${connections} connections, ${megabytes(broker.pid)} MB`,
      )
      if (!isWarm && sent > plan.packets / 5) [early, isWarm] = [megabytes(broker.pid), true]
      if (sent !== last) [last, since] = [sent, performance.now()]
      if (performance.now() - since > STUCK) throw new Error('no packet has gone out for a minute')
    }
    const isGone = broker.child.exitCode !== null || broker.child.signalCode !== null
    if (isGone) {
      attacker.kill('SIGTERM')
      await attacker.ended
    }
    stop.abort()
    const { sent, mutated, connections, closedByBroker, lastSent, done } = told()
    if (!isGone && !done) throw new Error(`the fuzzer itself has ended: ${attacker.stderr.slice(-2_000)}`)
    const crash = isGone
      ? `${broker.stderr.slice(-3_000)}\nlast sent, by connection:\n${lastSent?.join('\n')}`
      : undefined
    const seconds = Math.round((performance.now() - began) / 1000)
    const parsed = isGone ? {} : await packetsParsed(parts)
    if (!isGone) await pause(4_000) // what it holds for a second is gone then
    return {
      seconds,
      sent,
      mutated,
      connections,
      closedByBroker,
      parsed,
      crash,
      waits: (await waiting).toSorted((a, b) => a - b),
      ownDelay: Math.round(delay.percentile(99) / 1e6),
      memory: { early, late: isGone ? 0 : megabytes(broker.pid) },
    }
  } finally {
    await closeAll(opened)
  }
}

/** How long each answer took. One that never comes is as long as its deadline. */
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
  const metrics = await (await fetch(`http://127.0.0.1:${parts.operator.env!['ADMIN_PORT']}/metrics`)).text()
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
