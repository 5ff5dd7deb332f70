import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Parts } from '../../../test/parts.ts'
import { fillKept, type Fill } from './fill.ts'

export interface Start {
  seconds: number
  /** MB: of the file, of the whole process, and of what is its own and no page of the file. */
  file: number
  memory: number
  own: number
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
    return { seconds, file, memory: mb('VmRSS'), own: mb('RssAnon') }
  } finally {
    await parts.close()
  }
}
