import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device } from '../device.ts'
import { Parts } from '../parts.ts'
import { Run } from '../process.ts'

// While one user floods, another is served: how long she waits is printed, and bounded.

const SECONDS = 6
/** Milliseconds; the aim is 50, on a machine that has a core for each of broker, test and attacker. */
const MOST = 150
let parts: Parts
let alice: Device
beforeAll(async () => {
  parts = await Parts.open({ LOG_LEVEL: 'error' })
  await parts.startHandlers()
  alice = await parts.device('alice')
})
afterAll(() => parts.close())

async function waits(ended: Promise<unknown>): Promise<number[]> {
  const over = new AbortController()
  void ended.finally(() => over.abort())
  const took: number[] = []
  while (!over.signal.aborted) {
    const began = performance.now()
    expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
    took.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return took.toSorted((a, b) => a - b)
}

test.each(['commands', 'unknown words', 'pings', 'subscribes', 'forged logins', 'stalled subscribers'])(
  'a flood of %s',
  async (kind) => {
    const port = new URL(parts.url).port
    const args = ['test/slow/flooder.ts', kind, port, parts.env['SECRET']!, String(SECONDS)]
    const run = new Run(args, { env: {}, through: ['nice', '-n', '19'] }) // he has a machine of his own, so to speak
    parts.keep(run)
    const took = await waits(run.ended)
    const at = (part: number): number => Math.round(took[Math.floor((took.length - 1) * part)]!)
    process.stdout.write(`${kind}: Alice waited p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms\n`)
    expect(took.length).toBeGreaterThan(50)
    expect(at(0.99)).toBeLessThan(MOST)
  },
  30_000,
)
