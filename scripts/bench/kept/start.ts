import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { metric } from '../../../test/metrics.ts'
import { Parts } from '../../../test/parts.ts'
import { row } from '../../load/table.ts'
import { fillKept, type Fill } from './fill.ts'

export interface Start {
  seconds: number
  /** MB: of the file, of the whole process, and of what is its own and no page of the file. */
  file: number
  memory: number
  own: number
  /** What its metrics say of what is kept, in bytes. */
  kept: number
}

/** Starts a broker on so much that is kept. */
export async function startOn(fill: Fill, settings: Record<string, string> = {}): Promise<Start> {
  const parts = await Parts.open(settings)
  try {
    parts.broker.kill('SIGTERM')
    await parts.broker.ended
    await fillKept(parts.dir, fill)
    const began = performance.now()
    const broker = await parts.startBroker()
    const seconds = (performance.now() - began) / 1_000
    const status = readFileSync(`/proc/${broker.pid}/status`, 'utf8')
    const mb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024
    const file = statSync(join(parts.dir, 'broker', 'broker.lmdb')).size / 2 ** 20
    const kept = await metric(parts, 'storage_used_bytes', 'kept_events')
    return { seconds, file, memory: mb('VmRSS'), own: mb('RssAnon'), kept }
  } finally {
    await parts.close()
  }
}

/** Starts on more and more, each event of 200 bytes in an inbox and in a session of a user who is away. */
export async function benchKept(out: (line: string) => unknown, sizes = [100_000, 1_000_000]): Promise<void> {
  out(row('events', ['start, s', 'file, MB', 'memory, MB', 'its own']))
  for (const size of sizes) {
    const { seconds, file, memory, own } = await startOn({ users: size / 100, events: 100, sessions: 1, bytes: 100 })
    out(row(size.toLocaleString('en'), [seconds.toFixed(1), ...[file, memory, own].map((mb) => mb.toFixed(0))]))
  }
}
