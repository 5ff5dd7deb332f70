import { readFileSync, statSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { metric } from '../../../test/metrics.ts'
import { Parts } from '../../../test/parts.ts'
import { row } from '../../load/table.ts'
import { fillKept, type Fill } from './fill.ts'
import { fillQueue, type QueueFill } from './fill-queue.ts'

/** Ticks of the kernel's clock per second. */
const TICKS = 100

export interface Start {
  seconds: number
  /** Seconds of CPU, including the check of the file. */
  cpu: number
  /** MB: of the file, of the whole process, and of the process without pages of the file. */
  file: number
  memory: number
  own: number
  /** Bytes of kept events, and of sessions with their subscriptions, from its metrics. */
  kept: number
  sessions: number
}

/** What is stored before the start. */
export interface Filled {
  events?: Fill
  commands?: QueueFill
}

/** Starts a broker on so much stored data. */
export async function startOn({ events, commands }: Filled, settings: Record<string, string> = {}): Promise<Start> {
  const parts = await Parts.open(settings)
  try {
    parts.broker.kill('SIGTERM')
    await parts.broker.ended
    if (commands) await fillQueue(parts.dir, commands)
    if (events) await fillKept(parts.dir, events)
    const began = performance.now()
    const broker = await parts.startBroker()
    const seconds = (performance.now() - began) / 1_000
    const cpu = cpuOf(broker.pid)
    const status = readFileSync(`/proc/${broker.pid}/status`, 'utf8')
    const mb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024
    const file = statSync(join(parts.dir, 'broker', 'broker.lmdb')).size / 2 ** 20
    const kept = await metric(parts, 'storage_used_bytes', 'kept_events')
    const sessions = await metric(parts, 'storage_used_bytes', 'kind="sessions"')
    return { seconds, cpu, file, memory: mb('VmRSS'), own: mb('RssAnon'), kept, sessions }
  } finally {
    await parts.close()
  }
}

/** CPU seconds of a process and of its ended children, in all threads. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS
}

/**
 * Starts on ever more data: events of 200 bytes, each in an inbox and in a session of an offline user; commands of the same size that
 * wait for a group without a process; and both.
 */
export async function benchKept(out: (line: string) => unknown, sizes = [100_000, 1_000_000]): Promise<void> {
  out(row('', ['start, s', 'CPU, s', 'file, MB', 'memory, MB', 'its own', 'load']))
  for (const size of sizes) {
    const events = { users: size / 100, events: 100, sessions: 1, bytes: 100 }
    const commands = { commands: size, users: 1_000, bytes: 100, name: 'request_contact', group: 'contacts' }
    for (const [what, filled] of [
      ['events', { events }],
      ['commands', { commands }],
      ['of each', { events, commands }],
    ] as const) {
      const { seconds, cpu, file, memory, own } = await startOn(filled, { QUEUE_TTL: '2147483647' })
      const figures = [seconds.toFixed(1), cpu.toFixed(1), ...[file, memory, own].map((mb) => mb.toFixed(0))]
      out(row(`${size.toLocaleString('en')} ${what}`, [...figures, loadavg()[0]!.toFixed(1)]))
    }
  }
}
