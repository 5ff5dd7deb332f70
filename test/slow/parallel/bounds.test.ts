import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { heapFor } from '../../../broker/heap.ts'
import { openDeadLetters } from '../../../broker/core/queue/dead-letters.ts'
import { commandRecord, encodeAnswer } from '../../../broker/core/queue/command-record.ts'
import { keyOf } from '../../../broker/core/queue/command-key.ts'
import { openLmdb } from '../../../broker/storage/lmdb.ts'
import type { Storage } from '../../../broker/storage/storage.ts'
import { fillKept } from '../../../tools/bench/kept/fill.ts'
import { fillQueue } from '../../../tools/bench/kept/fill-queue.ts'
import { readConfig } from '../../../shared/config.ts'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import { atATime } from '../../at-a-time.ts'
import { commandWith } from '../../command.ts'
import type { Device } from '../../device.ts'
import { metric } from '../../metrics.ts'
import { Parts } from '../../parts.ts'

// Everything that the settings bound, full at once: a broker starts, serves and starts again in the heap that the docs name.

const SETTINGS = {
  MAX_QUEUED: '150000',
  MAX_REMEMBERED_BYTES: '16777216',
  MAX_KEPT_BYTES: '134217728',
  MAX_SESSION_BYTES: '8388608',
  MAX_DEAD: '20000',
  MAX_RETAINED: '10000',
  RETAINED_PER_USER: '100',
  MAX_LIVE_BYTES: '4194304',
  QUEUE_TTL: '2147483647',
  IDEMPOTENCY_WINDOW: '86400000',
}
const CONFIG = readConfig(SETTINGS)
const HEAP = heapFor(CONFIG)
/** MB beside the heap: buffers in use, numeric indexes, code. */
const BESIDE = 200
/** Users who own these commands, answers and letters. */
const USERS = 10_000
const A_TIME = 2_000
/** The kinds that `/readyz` reports as nearly full. Signals are not among them: they go out meanwhile. */
const ON_DISK = [
  'commands is',
  'answers kept for repeats',
  'events that are kept',
  'sessions',
  'retained messages',
  'dead letters',
]
const HUNDRED = 'x'.repeat(100)

let parts: Parts | undefined
afterAll(() => parts?.close())

/** Stores this many things, several per transaction. */
async function store(
  storage: Storage,
  many: number,
  put: (unit: Parameters<Parameters<Storage['commit']>[0]>[0], i: number) => void,
) {
  for (let from = 0; from < many; from += A_TIME) {
    await storage.commit((unit) => {
      for (let i = from; i < Math.min(from + A_TIME, many); i++) put(unit, i)
    })
  }
}

/** Fills answers, dead letters, retained messages and signals up to their bounds. */
async function fillOthers(folder: string): Promise<void> {
  const storage = openLmdb(join(folder, 'broker', 'broker.lmdb'))
  const user = (i: number) => userIdOf(`user-${i % USERS}`)
  const records = storage.table('queue', commandRecord)
  const answer = encodeAnswer({ to: user(0), event: 'told', fields: { text: HUNDRED } })
  const until = Date.now() + 86_400_000
  await store(
    storage,
    Math.min(CONFIG.MAX_QUEUED, Math.ceil(CONFIG.MAX_REMEMBERED_BYTES / answer.length)),
    (unit, i) => {
      const key = keyOf({ user: user(i), re: `a${i}`, onlyTo: undefined, stored: true })!
      unit.put(records, i + 1, { ended: { key, digest: 'x'.repeat(22), until, answer } })
    },
  )
  const dead = openDeadLetters(storage, { letters: CONFIG.MAX_DEAD, bytes: CONFIG.MAX_DEAD_BYTES }, () => {})
  await store(storage, CONFIG.MAX_DEAD, (unit, i) => {
    const [order, re] = [2 ** 45 + i, `d${i}`]
    const command = commandWith({ id: `${user(i)}/${re}~${order.toString(36)}`, order, user: user(i), re })
    dead.add(unit, { command, group: 'contacts', attempts: 5, code: 'internal', at: Date.now() })
  })
  const retained = storage.table('retained')
  await store(storage, CONFIG.MAX_RETAINED, (unit, i) => {
    const topic = `rooms/${i}/${HUNDRED}`
    unit.put(retained, topic, { topic, payload: Buffer.from(HUNDRED), qos: 1, user: user(i) })
  })
  const live = storage.table('live')
  const fields = { from: user(0), text: HUNDRED }
  const bytes = 400 + JSON.stringify(fields).length
  await store(storage, Math.floor(CONFIG.MAX_LIVE_BYTES / bytes), (unit, i) => {
    const [to, from] = [userIdOf('receiver'), user(i)] // one receiver, who gets them slowly
    unit.put(live, i + 1, { user: to, from, event: { to, event: 'signal', fields }, at: until, kept: true })
  })
  await storage.close()
}

async function memory(): Promise<number> {
  const status = await readFile(`/proc/${parts!.broker.pid}/status`, 'utf8')
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)![1]) / 1_024
}

/** Starts a broker with that heap while all kinds are full. */
async function start(kinds: readonly string[]): Promise<void> {
  const broker = await parts!.startBroker({ NODE_OPTIONS: `--max-old-space-size=${HEAP}` })
  const said = (await parts!.readyz()).join('\n')
  for (const what of kinds) expect(said).toContain(`the room for ${what}`)
  expect(await metric(parts!, 'storage_used_bytes', 'kept_events')).toBeGreaterThan(0.9 * CONFIG.MAX_KEPT_BYTES)
  expect(await memory()).toBeLessThan(HEAP + BESIDE)
  expect(broker.stderr + broker.stdout).not.toContain('its heap limit is')
}

test('with everything full at once, a broker starts, serves and restarts in the heap that its settings need', async () => {
  parts = await Parts.open(SETTINGS)
  parts.broker.kill('SIGTERM')
  await parts.broker.ended
  await fillQueue(parts.dir, {
    commands: CONFIG.MAX_QUEUED,
    users: USERS,
    bytes: 100,
    name: 'request_contact',
    group: 'contacts',
  })
  await fillKept(parts.dir, { users: 2_500, events: 100, sessions: 1, bytes: 100 })
  await fillOthers(parts.dir)
  process.stderr.write(`all is full; the heap: ${HEAP} MB\n`)

  await start([...ON_DISK, 'waiting signals'])
  // More of everything, from users who have nothing: it is refused, or replaces the oldest, and the broker goes on.
  const devices: Device[] = []
  await atATime(10, Array(60).keys(), async (i) => devices.push(await parts!.device(`late-${i}`)))
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      devices.map(async (device, i) => {
        expect(await device.asks('set_status', { status: 'x' })).toMatchObject({
          event: 'command_rejected',
          code: 'unavailable',
        })
        await device.mqtt
          .publishAsync(`open/rooms/late/${i}/${round}`, HUNDRED, { qos: 1, retain: true })
          .catch(() => {})
      }),
    )
  }
  expect(await devices[0]!.asks('whoami')).toMatchObject({ event: 'session_info' })
  expect(await memory()).toBeLessThan(HEAP + BESIDE)
  process.stderr.write(`served: ${(await memory()).toFixed(0)} MB are the broker's own\n`)

  await parts.killBroker()
  await start(ON_DISK)
}, 600_000)
