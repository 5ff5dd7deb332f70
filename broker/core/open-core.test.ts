import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { openLog } from '../../shared/log.ts'
import { closeAll } from '../../shared/shutdown.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { carried } from '../../test/carried.ts'
import { openMetrics } from '../metrics/metrics.ts'
import type { FromCore, FromFront, Incoming } from '../seam/messages.ts'
import type { DeviceSession, HandlerSession } from '../seam/session.ts'
import { openLmdb } from '../storage/lmdb.ts'
import type { Storage } from '../storage/storage.ts'
import { openCore, type Core } from './open-core.ts'

// The core alone, with a front that is nothing but messages: each goes over as bytes.

const alice = userIdOf('alice')
const PHONE: DeviceSession = {
  kind: 'device',
  id: 'alice/phone',
  user: alice,
  client: 'phone',
  token: {
    user: alice,
    expiresAt: Date.now() + 3_600_000,
    jti: 'hers',
    isOperator: false,
    name: undefined,
    acl: { pub: ['a/#'], sub: ['a/#'], commands: undefined, events: undefined },
  },
}
const HANDLER: HandlerSession = {
  kind: 'handler',
  id: '$handler/echo/echo.1',
  group: 'echo',
  client: 'echo.1',
  rights: { commands: new Set(['echo']), events: new Set(['echoed']) },
  grants: { pub: [], sub: [] },
  keepsOrder: false,
  keepsTime: false,
}
const RULE = { ordered: true, timeoutMs: 30_000, attempts: 5 }
const [DEVICE, WORKER] = [1, 2]

let dir: string
let storage: Storage
let core: Core
let said: FromCore[]
let wake: () => void
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-'))
  storage = openLmdb(join(dir, 'broker.lmdb'))
  ;[said, wake] = [[], () => {}]
  core = await openCore({
    config: readConfig({ NODE_ENV: 'test', DATA_DIR: dir }),
    storage,
    clock: Date,
    toFront: carried((message: FromCore) => [said.push(message), wake()]),
    metrics: openMetrics(),
    log: openLog('silent', 'test'),
  })
  core.declare({ echo: { commands: { echo: RULE }, events: ['echoed'] } })
})
afterEach(async () => {
  for (let connection = 1; connection < 10; connection++) tell({ kind: 'went', connection, outlives: 0 })
  await closeAll([storage, ...core.opened])
  await rm(dir, { recursive: true })
})

const tell = carried((message: FromFront) => core.fromFront(message))

/** Resolves with the first that the core says of this kind. */
async function heard<Kind extends FromCore['kind']>(kind: Kind): Promise<FromCore & { kind: Kind }> {
  for (;;) {
    const found = said.find((message): message is FromCore & { kind: Kind } => message.kind === kind)
    if (found) {
      said.splice(said.indexOf(found), 1)
      return found
    }
    await new Promise<void>((resolve) => (wake = resolve))
  }
}

function publish(connection: number, number: number, topic: string, payload: object, retain = false): void {
  const rest = { expiry: undefined, correlation: undefined, responseTopic: undefined, contentType: undefined }
  const message: Incoming = {
    topic,
    payload: Buffer.from(JSON.stringify(payload)),
    qos: 1,
    retain,
    isRetransmitted: false,
    isText: true,
    properties: {},
    ...rest,
  }
  tell({ kind: 'publish', connection, number, messageId: undefined, ...message })
}

async function bothCome(): Promise<void> {
  for (const [connection, session] of [
    [DEVICE, PHONE],
    [WORKER, HANDLER],
  ] as const) {
    tell({ kind: 'login', connection, session })
    expect(await heard('admitted')).toEqual({ kind: 'admitted', connection, subscriptions: [] })
    tell({ kind: 'came', connection, session, isClean: true, keeps: false, outlives: 0, window: 10, largest: Infinity })
  }
  tell({ kind: 'hears', connection: DEVICE, topic: 'alice_echoed' })
  tell({ kind: 'consume', connection: WORKER, command: 'echo', qos: 1 })
}

test('a command goes to a handler and its answer back, by messages alone', async () => {
  await bothCome()
  publish(DEVICE, 1, 'echo', { id: 'one', text: 'hello' })
  const { delivery, ...delivered } = await heard('deliver')
  expect(delivered).toMatchObject({
    connection: WORKER,
    topic: 'echo',
    qos: 1,
    stamp: { 'user-id': 'alice', attempt: '1' },
  })
  expect(await heard('published')).toEqual({ kind: 'published', connection: DEVICE, number: 1, failure: undefined })

  const echoed = { to: 'alice', event: 'echoed', fields: { text: 'hello' } }
  publish(WORKER, 1, '$done', { command: delivered.stamp['command-id'], attempt: 1, outcome: 'done', events: [echoed] })
  expect(await heard('published')).toMatchObject({ connection: WORKER, number: 1, failure: undefined })
  const { to, topic, payload } = await heard('event')
  expect([to, topic, JSON.parse(payload.toString())]).toMatchObject([
    [DEVICE],
    'alice_echoed',
    { text: 'hello', re: 'one' },
  ])
  tell({ kind: 'acknowledged', connection: WORKER, delivery, reasonCode: 0 }) // too late, and ignored
})

test('a delivery is ended by its acknowledgement, and goes to another when its connection has gone', async () => {
  await bothCome()
  publish(DEVICE, 1, 'echo', { id: 'one' })
  const first = await heard('deliver')
  tell({ kind: 'went', connection: WORKER, outlives: 0 })
  tell({ kind: 'acknowledged', connection: WORKER, delivery: first.delivery, reasonCode: 0 }) // of one that has gone
  const other = 3
  tell({
    kind: 'came',
    connection: other,
    session: HANDLER,
    isClean: true,
    keeps: false,
    outlives: 0,
    window: 10,
    largest: Infinity,
  })
  tell({ kind: 'consume', connection: other, command: 'echo', qos: 1 })
  const again = await heard('deliver')
  expect(again).toMatchObject({ connection: other, stamp: { attempt: '2' } })
  tell({ kind: 'acknowledged', connection: other, delivery: again.delivery, reasonCode: 0 })
  publish(DEVICE, 2, 'echo', { id: 'two' })
  expect(await heard('deliver')).toMatchObject({ stamp: { attempt: '1' } }) // one after another: the first has ended
})

test('a refusal is answered by number; what comes from a connection that is not there is not answered', async () => {
  await bothCome()
  publish(99, 1, 'echo', { id: 'nobody' })
  tell({ kind: 'went', connection: 99, outlives: 0 })
  publish(DEVICE, 7, 'no_such_command', {})
  const { failure, ...refused } = await heard('published')
  expect([refused, failure?.code]).toEqual([{ kind: 'published', connection: DEVICE, number: 7 }, 'unknown_command'])
})

test('who is banned is not let in, and whoever is there is ended for good', async () => {
  await bothCome()
  await core.revocations.ban(alice)
  tell({ kind: 'login', connection: 3, session: { ...PHONE, id: 'alice/tablet', client: 'tablet' } })
  expect(await heard('denied')).toMatchObject({ connection: 3, as: 'banned', user: 'alice' })
  tell({
    kind: 'came',
    connection: 4,
    session: { ...PHONE, id: 'alice/watch', client: 'watch' },
    isClean: true,
    keeps: false,
    outlives: 0,
    window: 1,
    largest: 100,
  })
  expect(await heard('end')).toEqual({ kind: 'end', connection: 4, reasonCode: 0x98, forGood: true })
})

test('a will runs when it is due, and none that is over or of one who was ended', async () => {
  await bothCome()
  const empty = { expiry: undefined, correlation: undefined, responseTopic: undefined, contentType: undefined }
  const message = {
    topic: 'echo',
    qos: 1,
    retain: false,
    isRetransmitted: false,
    isText: true,
    properties: {},
    ...empty,
  } as const
  const leaves = async (connection: number, client: string): Promise<void> => {
    const session = { ...PHONE, id: `alice/${client}`, client }
    tell({
      kind: 'will',
      connection,
      session,
      message: { ...message, payload: Buffer.from('{}') },
      delay: 0,
    })
    expect(await heard('will_kept')).toMatchObject({ connection, failed: false })
    tell({ kind: 'came', connection, session, isClean: true, keeps: false, outlives: 0, window: 10, largest: Infinity })
  }
  await leaves(3, 'quiet')
  tell({ kind: 'will_over', connection: 3 })
  tell({ kind: 'will_due', connection: 3 })
  await leaves(4, 'broken')
  tell({ kind: 'went', connection: 4, outlives: 0 })
  tell({ kind: 'will_due', connection: 4 })
  tell({ kind: 'will_due', connection: 4 })
  const { stamp, delivery } = await heard('deliver')
  expect(stamp).toMatchObject({ 'client-id': 'broken', attempt: '1' })
  tell({ kind: 'acknowledged', connection: WORKER, delivery, reasonCode: 0 })
  publish(DEVICE, 1, 'echo', {})
  expect((await heard('deliver')).stamp).toMatchObject({ 'client-id': 'phone' }) // there was none between
})

test('a message of an open topic goes to whoever is subscribed, and what is retained to who subscribes later, when there is room', async () => {
  await bothCome()
  const subscriptions = [{ topic: '$open/a/+', qos: 1, subscriptionIdentifier: 7 }] as const
  tell({ kind: 'subscribes', connection: DEVICE, subscriptions, asks: 5 })
  expect(await heard('stored')).toMatchObject({ connection: DEVICE, asks: 5, failed: false })
  publish(DEVICE, 1, 'a/b', { text: 'hello' }, true)
  const receiver = { connection: DEVICE, qos: 1, retain: false, ids: [7], number: undefined, shared: undefined }
  expect(await heard('relayed')).toMatchObject({ topic: 'a/b', to: [receiver] })
  expect(await heard('published')).toMatchObject({ number: 1, failure: undefined })

  tell({ kind: 'wants_retained', connection: DEVICE, filter: 'a/+', qos: 0, identifier: undefined })
  expect(await heard('wants_room')).toEqual({ kind: 'wants_room', connection: DEVICE })
  expect(said).toEqual([])
  tell({ kind: 'has_room', connection: DEVICE })
  expect(await heard('relayed')).toMatchObject({ topic: 'a/b', to: [{ ...receiver, qos: 0, retain: true, ids: [] }] })
})
