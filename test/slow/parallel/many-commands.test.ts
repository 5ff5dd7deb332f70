import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { fillQueue } from '../../../tools/bench/kept/fill-queue.ts'
import { Parts } from '../../parts.ts'
import { PlainHandler } from '../../plain-handler.ts'

// A broker starts and serves with more commands than fit its memory: it holds a small part of each, and the rest is on disk.

const MANY = 300_000
/** Bytes of each payload; 600 MB in all. */
const PAYLOAD = 2_000
/** MB of JavaScript heap, and of all memory except pages of the file. */
const [HEAP, MEMORY] = [160, 400]

let parts: Parts
beforeAll(async () => {
  parts = await Parts.open({ QUEUE_TTL: '2147483647', MAX_QUEUED_BYTES: '4294967296' })
  await parts.killBroker()
  await fillQueue(parts.dir, { commands: MANY, users: 1_000, bytes: PAYLOAD, name: 'wait', group: 'waiting' })
}, 600_000)
afterAll(() => parts.close())

/** MB of the broker's private memory. */
async function memory(): Promise<number> {
  const status = await readFile(`/proc/${parts.broker.pid}/status`, 'utf8')
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)![1]) / 1_024
}

test('starts with 600 MB of open commands in a heap of 160 MB, serves, and delivers them in order', async () => {
  const began = performance.now()
  await parts.startBroker({ NODE_OPTIONS: `--max-old-space-size=${HEAP}` })
  process.stderr.write(
    `${MANY} open commands: started in ${((performance.now() - began) / 1_000).toFixed(1)} s, ${(await memory()).toFixed(0)} MB\n`,
  )
  expect(await memory()).toBeLessThan(MEMORY)
  const alice = await parts.device('alice')
  expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
  const handler = await PlainHandler.connect(parts, 'waiting.1', { mqtt: { properties: { receiveMaximum: 64 } } })
  await handler.takes('wait', 0)
  const last = new Map<string, number>()
  for (let i = 0; i < 5_000; i++) {
    const { stamp, payload } = await handler.gets('wait')
    expect(payload.length).toBeGreaterThan(PAYLOAD)
    const [user, order] = [stamp['user-id']!, Number(stamp['order'])]
    expect(order).toBeGreaterThan(last.get(user) ?? 0)
    last.set(user, order)
    await handler.ends({ outcome: 'done', command: stamp['command-id'], attempt: 1, events: [] })
  }
  expect(await memory()).toBeLessThan(MEMORY)
}, 600_000)
