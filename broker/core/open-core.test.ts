import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { openLog } from '../../shared/log.ts'
import { closeAll } from '../../shared/shutdown.ts'
import { userIdOf, type UserId } from '../../shared/wire/user-id.ts'
import { carried } from '../../test/carried.ts'
import { openMetrics } from '../metrics/metrics.ts'
import type { FromCore } from '../seam/from-core.ts'
import type { FromFront, Incoming } from '../seam/from-front.ts'
import type { DeviceSession, HandlerSession } from '../seam/session.ts'
import { AT_ONCE } from './kept/spread.ts'
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
  for (let connection = 1; connection < 400; connection++) tell({ kind: 'disconnected', connection, outlives: 0 })
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
    tell({
      kind: 'connected',
      connection,
      session,
      isClean: true,
      sessionPresent: false,
      keeps: false,
      outlives: 0,
      window: 10,
      largest: Infinity,
    })
  }
  tell({ kind: 'hears', connection: DEVICE, topic: 'alice_echoed' })
  tell({ kind: 'consume', connection: WORKER, command: 'echo', qos: 1 })
}

test('a command reaches a handler and its answer comes back, by messages alone', async () => {
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

test('an acknowledgement ends a delivery; when its connection has gone, it goes to another', async () => {
  await bothCome()
  publish(DEVICE, 1, 'echo', { id: 'one' })
  const first = await heard('deliver')
  tell({ kind: 'disconnected', connection: WORKER, outlives: 0 })
  tell({ kind: 'acknowledged', connection: WORKER, delivery: first.delivery, reasonCode: 0 }) // of one that has gone
  const other = 3
  tell({
    kind: 'connected',
    connection: other,
    session: HANDLER,
    isClean: true,
    sessionPresent: false,
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

test('a refusal is answered by number; a message from an unknown connection is not answered', async () => {
  await bothCome()
  publish(99, 1, 'echo', { id: 'nobody' })
  tell({ kind: 'disconnected', connection: 99, outlives: 0 })
  publish(DEVICE, 7, 'no_such_command', {})
  const { failure, ...refused } = await heard('published')
  expect([refused, failure?.code]).toEqual([{ kind: 'published', connection: DEVICE, number: 7 }, 'unknown_command'])
})

test('a banned user is not let in, and their connected sessions are ended for good', async () => {
  await bothCome()
  await core.revocations.ban(alice)
  tell({ kind: 'login', connection: 3, session: { ...PHONE, id: 'alice/tablet', client: 'tablet' } })
  expect(await heard('denied')).toMatchObject({ connection: 3, as: 'banned', user: 'alice' })
  tell({
    kind: 'connected',
    connection: 4,
    session: { ...PHONE, id: 'alice/watch', client: 'watch' },
    isClean: true,
    sessionPresent: false,
    keeps: false,
    outlives: 0,
    window: 1,
    largest: 100,
  })
  expect(await heard('end')).toEqual({ kind: 'end', connection: 4, reasonCode: 0x98, forGood: true })
})

test('a will is sent when it is due, unless it is void or its session was ended', async () => {
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
    tell({
      kind: 'connected',
      connection,
      session,
      isClean: true,
      sessionPresent: false,
      keeps: false,
      outlives: 0,
      window: 10,
      largest: Infinity,
    })
  }
  await leaves(3, 'quiet')
  tell({ kind: 'will_over', connection: 3 })
  tell({ kind: 'will_due', connection: 3 })
  await leaves(4, 'broken')
  tell({ kind: 'disconnected', connection: 4, outlives: 0 })
  tell({ kind: 'will_due', connection: 4 })
  tell({ kind: 'will_due', connection: 4 })
  const { stamp, delivery } = await heard('deliver')
  expect(stamp).toMatchObject({ 'client-id': 'broken', attempt: '1' })
  tell({ kind: 'acknowledged', connection: WORKER, delivery, reasonCode: 0 })
  publish(DEVICE, 1, 'echo', {})
  expect((await heard('deliver')).stamp).toMatchObject({ 'client-id': 'phone' }) // there was none between
})

test('a message of an open topic goes to its subscribers, and a retained one to later subscribers when they have room', async () => {
  await bothCome()
  const subscriptions = [{ topic: '$open/a/+', qos: 1, subscriptionIdentifier: 7 }] as const
  tell({ kind: 'subscribes', connection: DEVICE, subscriptions, asks: 5 })
  expect(await heard('stored')).toMatchObject({ connection: DEVICE, asks: 5, failed: false })
  publish(DEVICE, 1, 'a/b', { text: 'hello' }, true)
  const receiver = { connection: DEVICE, qos: 1, retain: false, ids: [7], number: undefined, shared: undefined }
  expect(await heard('open_message')).toMatchObject({ topic: 'a/b', to: [receiver] })
  expect(await heard('published')).toMatchObject({ number: 1, failure: undefined })

  tell({ kind: 'wants_retained', connection: DEVICE, filter: 'a/+', qos: 0, identifier: undefined })
  expect(await heard('wants_room')).toEqual({ kind: 'wants_room', connection: DEVICE })
  expect(said).toEqual([])
  tell({ kind: 'has_room', connection: DEVICE })
  expect(await heard('open_message')).toMatchObject({
    topic: 'a/b',
    to: [{ ...receiver, qos: 0, retain: true, ids: [] }],
  })
})

/** So many people with a device each, from connection 100 on. */
function crowdComes(count: number): UserId[] {
  const users = Array.from({ length: count }, (_, i) => userIdOf(`user-${i}`))
  for (const [i, user] of users.entries()) {
    const token = { ...PHONE.token, user }
    const session = { ...PHONE, id: `${user}/phone`, user, token }
    const connection = 100 + i
    tell({ ...COMES, connection, session })
    for (const event of ['echoed', 'events_synced']) tell({ kind: 'hears', connection, topic: `${user}_${event}` })
    tell({ kind: 'subscribes', connection, subscriptions: [{ topic: '$open/a/+', qos: 0 }], asks: undefined })
  }
  return users
}
const COMES = {
  kind: 'connected',
  isClean: true,
  sessionPresent: false,
  keeps: false,
  outlives: 0,
  window: 10,
  largest: 1e6,
} as const
const nextTurn = (): Promise<void> => new Promise((go) => void setImmediate(go))

/** The receivers that are served in each turn, until so many are. */
async function servedByTurn(kind: 'event' | 'open_message', count: number): Promise<number[]> {
  const turns: number[] = []
  for (let served = 0; served < count;) {
    const now = said.splice(0).flatMap((one) => (one.kind === kind ? (one.to as unknown[]) : [])).length
    turns.push(now)
    served += now
    await nextTurn()
  }
  return turns
}

test('an event to hundreds goes out over several turns; each of them has everything before their next answer', async () => {
  await bothCome()
  const crowd = crowdComes(300)
  publish(DEVICE, 1, 'echo', { id: 'one' })
  const { stamp } = await heard('deliver')
  const events = [{ to: crowd, event: 'echoed', fields: { text: 'all' } }]
  said.length = 0
  publish(WORKER, 1, '$done', { command: stamp['command-id'], attempt: 1, outcome: 'done', events })
  await heard('published')
  expect(said).toEqual([])

  const last = 100 + crowd.length - 1
  publish(last, 1, 'sync_events', {})
  await heard('published')
  const [first, second, ...more] = said.splice(0).flatMap((one) => (one.kind === 'event' ? [one] : []))
  expect([first, second].map((one) => [one!.to, JSON.parse(one!.payload.toString())])).toMatchObject([
    [[last], { event_seq: 1, text: 'all' }],
    [[last], { last: 1 }],
  ])
  const turns = await servedByTurn('event', crowd.length - 1 - more.length)
  expect(Math.max(more.length, ...turns)).toBeLessThanOrEqual(AT_ONCE)
})

test('a message of an open topic goes to hundreds over several turns; a later one comes after it', async () => {
  await bothCome()
  const crowd = crowdComes(300)
  said.length = 0
  publish(DEVICE, 1, 'a/b', { n: 1 })
  publish(DEVICE, 2, 'a/b', { n: 2 })
  const got = new Map<number, unknown[]>()
  for (let left = 2 * crowd.length; left > 0; await nextTurn()) {
    const messages = said.splice(0).flatMap((one) => (one.kind === 'open_message' ? [one] : []))
    const served = messages.flatMap(({ to, payload }) => to.map(({ connection }) => ({ connection, payload })))
    expect(served.length).toBeLessThanOrEqual(2 * AT_ONCE)
    for (const { connection, payload } of served) {
      got.set(connection, [...(got.get(connection) ?? []), JSON.parse(payload.toString())])
    }
    left -= served.length
  }
  expect([...got.values()]).toEqual(crowd.map(() => [{ n: 1 }, { n: 2 }]))
})

const KEEPING = {
  kind: 'connected',
  session: PHONE,
  isClean: false,
  sessionPresent: false,
  keeps: true,
  outlives: 600_000,
  largest: 1e6,
} as const

/** Alice's phone is here again. Resolves when the core has said what it had on its last connection. */
function comesBack(connection: number, window = 65_535): void {
  tell({ ...KEEPING, connection, window })
  tell({ kind: 'hears', connection, topic: 'alice_echoed' })
}
/** A handler causes events for Alice. Resolves when they are stored. */
async function echoes(...texts: string[]): Promise<void> {
  for (const text of texts) {
    publish(WORKER, 1, 'alice_echoed', { text })
    await heard('published')
  }
}
async function keptSession(): Promise<void> {
  tell({
    kind: 'connected',
    connection: WORKER,
    session: HANDLER,
    isClean: true,
    sessionPresent: false,
    keeps: false,
    outlives: 0,
    window: 9,
    largest: 1e6,
  })
  comesBack(DEVICE)
  const subscriptions = [{ topic: 'alice_echoed', qos: 1 }] as const
  tell({ kind: 'subscribes', connection: DEVICE, subscriptions, asks: 1 })
  await heard('stored')
}
type Waited = { number: number; dup: boolean; payload: Buffer }
/** What of what waits the core says next: texts, and numbers. */
async function given(): Promise<{ texts: string[]; numbers: number[]; dups: boolean[]; asksForMore: boolean }> {
  const { messages, asksForMore } = await heard('kept')
  const all = messages as readonly Waited[]
  const texts = all.map(({ payload }) => (JSON.parse(payload.toString()) as { text: string }).text)
  return { texts, numbers: all.map(({ number }) => number), dups: all.map(({ dup }) => dup), asksForMore }
}

test('waiting messages come in order, at most the client’s window at once, and new ones after them', async () => {
  await keptSession()
  tell({ kind: 'disconnected', connection: DEVICE, outlives: 600_000 })
  await echoes('a', 'b', 'c')
  comesBack(3, 2)
  await echoes('d')
  expect(said).toEqual([]) // it waits for CONNACK
  tell({ kind: 'wants_kept', connection: 3 })
  const first = await given()
  expect(first).toMatchObject({ texts: ['a', 'b'], dups: [false, false], asksForMore: false })
  tell({ kind: 'cleared', connection: 3, number: first.numbers[1]! })
  const second = await given()
  expect(second.texts).toEqual(['c'])
  await echoes('e')
  for (const number of [first.numbers[0]!, second.numbers[0]!]) tell({ kind: 'cleared', connection: 3, number })
  const [third, fourth] = [await given(), await given()]
  expect([third.texts, fourth.texts]).toEqual([['d'], ['e']])
  tell({ kind: 'cleared', connection: 3, number: third.numbers[0]! })
  await echoes('live')
  const { to, number } = await heard('event')
  expect([to, number! > fourth.numbers[0]!]).toEqual([[3], true])
  await echoes('full')
  tell({ kind: 'cleared', connection: 3, number: number! })
  expect((await given()).texts).toEqual(['full'])
  expect(said).toEqual([])
})

test('a message that is cleared while it is given makes room for the next, which comes after it', async () => {
  await keptSession()
  tell({ kind: 'disconnected', connection: DEVICE, outlives: 600_000 })
  await echoes('too large', 'b', 'c', 'd', 'e')
  comesBack(3, 2)
  const order: string[] = []
  wake = () => {
    const message = said.at(-1)!
    if (message.kind !== 'kept') return
    for (const { number, payload } of message.messages as readonly Waited[]) {
      const { text } = JSON.parse(payload.toString()) as { text: string }
      if (text !== 'b' && text !== 'c') tell({ kind: 'cleared', connection: 3, number })
      order.push(text)
    }
  }
  tell({ kind: 'wants_kept', connection: 3 })
  expect(order).toEqual(['too large', 'b', 'c'])
})

test('a long queue comes page by page, when there is room', async () => {
  await keptSession()
  tell({ kind: 'disconnected', connection: DEVICE, outlives: 600_000 })
  const texts = Array.from({ length: 100 }, (_, n) => String(n))
  await echoes(...texts)
  comesBack(3)
  tell({ kind: 'wants_kept', connection: 3 })
  const first = await given()
  expect(first.asksForMore).toBe(true)
  expect(said).toEqual([])
  await echoes('100')
  tell({ kind: 'wants_kept', connection: 3 })
  const second = await given()
  expect([...first.texts, ...second.texts]).toEqual([...texts, '100'])
  expect(second.asksForMore).toBe(false)
})

test('a message in flight on one connection has DUP and its message id on the next; one that never went out has neither', async () => {
  await keptSession()
  tell({ kind: 'wants_kept', connection: DEVICE })
  await echoes('sent', 'lost')
  const [sent, lost] = [await heard('event'), await heard('event')]
  const inFlight = [{ number: sent.number!, messageId: 77 }]
  tell({ kind: 'leaves', connection: DEVICE, inFlight })
  comesBack(3)
  tell({ kind: 'disconnected', connection: DEVICE, outlives: 600_000 }) // its session is another's
  expect(await heard('resumes')).toEqual({ kind: 'resumes', connection: 3, received: [], inFlight })
  tell({ kind: 'wants_kept', connection: 3 })
  expect(await given()).toMatchObject({
    texts: ['sent', 'lost'],
    numbers: [sent.number, lost.number],
    dups: [true, false],
  })
  await echoes('next')
  expect((await heard('event')).to).toEqual([3])
})

test('the front is asked to verify a new token, and a connection that goes in the meantime is not waited for', async () => {
  await bothCome()
  tell({ kind: 'hears', connection: DEVICE, topic: 'alice_session_refreshed' })
  tell({ kind: 'hears', connection: DEVICE, topic: 'alice_command_rejected' })
  publish(DEVICE, 1, 'refresh_session', { token: 'another' })
  const { asks, ...asked } = await heard('verify')
  expect(asked).toEqual({ kind: 'verify', connection: DEVICE, token: 'another' })
  const token = { ...PHONE.token, expiresAt: PHONE.token.expiresAt + 60_000 }
  tell({ kind: 'verified', connection: DEVICE, asks, token, reason: '' })
  expect(await heard('renewed')).toEqual({ kind: 'renewed', connection: DEVICE, token })
  expect(await heard('published')).toMatchObject({ number: 1, failure: undefined })

  publish(DEVICE, 2, 'refresh_session', { token: 'wrong' })
  tell({
    kind: 'verified',
    connection: DEVICE,
    asks: (await heard('verify')).asks,
    token: undefined,
    reason: 'expired',
  })
  expect(await heard('published')).toMatchObject({ number: 2, failure: { code: 'forbidden' } })

  publish(DEVICE, 3, 'refresh_session', { token: 'slow' })
  const last = await heard('verify')
  tell({ kind: 'disconnected', connection: DEVICE, outlives: 0 })
  expect(await heard('published')).toMatchObject({ number: 3, failure: { code: 'forbidden' } })
  tell({ kind: 'verified', connection: DEVICE, asks: last.asks, token, reason: '' }) // too late, and ignored
})

test('a session that ends between login and CONNACK ends the connection, whose client would believe its subscriptions still exist', async () => {
  await keptSession()
  const subscribed = async (connection: number): Promise<number> => {
    tell({ kind: 'login', connection, session: PHONE })
    return (await heard('admitted')).subscriptions.length
  }
  expect(await subscribed(3)).toBe(1)
  tell({ kind: 'disconnected', connection: DEVICE, outlives: 1 })
  for (let connection = 4; (await subscribed(connection)) > 0; connection++) {
    await new Promise((resolve) => setTimeout(resolve, 5)) // until it has expired
  }
  tell({ ...KEEPING, connection: 3, window: 10, sessionPresent: true })
  expect(await heard('end')).toEqual({ kind: 'end', connection: 3, reasonCode: 0x89, forGood: true })
  tell({ kind: 'disconnected', connection: 3, outlives: 0 })
  expect(await subscribed(5)).toBe(0)
})
