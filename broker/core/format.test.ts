import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { commandWith } from '../../test/command.ts'
import { ROOT, Run } from '../../test/process.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { openFormat } from './format.ts'
import type { Target } from './kept/holders.ts'
import { ON_ALL, RELEASED } from './kept/kept-record.ts'
import { openKept, type Kept } from './kept/open-kept.ts'
import { waitingFor } from '../../test/kept-sessions.ts'
import { openDeadLetters } from './queue/dead-letters.ts'
import { openQueue } from './queue/durable-queue.ts'
import type { Command } from '../seam/session.ts'
import { openLmdb } from '../storage/lmdb.ts'
import { steady } from '../../shared/steady.ts'
import type { Storage } from '../storage/storage.ts'

const LONG = 1e15
const AMOUNT = { commands: 1_000, bytes: 1_000_000 }
const BYTES = { bytes: 1_000_000, perUser: 1_000_000 }
const ROOM = { all: AMOUNT, perUser: AMOUNT, remembered: BYTES }
const [alice, bob, carol] = [userIdOf('alice'), userIdOf('bob'), userIdOf('carol')]
const heard: object[] = []
const log = { info: (fields: object) => void heard.push(fields) }

let dir: string
let path: string
/** What the last versions with formats 1 and 2 stored: see the tests for what there is. */
beforeEach(async () => {
  heard.length = 0
  dir = await mkdtemp(join(tmpdir(), 'format-'))
  path = join(dir, 'broker.lmdb')
  await storedIn(1)
})
async function storedIn(format: number): Promise<void> {
  await writeFile(path, gunzipSync(await readFile(join(ROOT, `test/fixtures/format-${format}.lmdb.gz`))))
}
afterEach(() => rm(dir, { recursive: true }))

const openCommands = (storage: Storage) => openQueue(storage, { ...ROOM, windowMs: 1_000_000 })

function again(
  user: Command['user'],
  re: string,
  payload: string,
  order: number,
  more: Partial<Command> = {},
): Command {
  return commandWith({ id: `${user}/${re}~again`, order, user, re, payload: Buffer.from(payload), at: 0, ...more })
}

/** All that was stored in format 1 is there, each once. */
async function expectAll(storage: Storage): Promise<void> {
  const queue = await openCommands(storage)
  const byOrder = new Map<number, { command: Command; groups: Record<string, number> }>()
  for (const job of queue.open(() => 'one')) {
    const one = byOrder.get(job.order) ?? { command: queue.load(job)!, groups: {} }
    one.groups[job.group] = job.attempt - 1
    byOrder.set(job.order, one)
  }
  const open = [...byOrder.values()]
  const half = { re: 'half', groups: { two: 0 } }
  expect(open.map(({ command: { re }, groups }) => ({ re, groups }))).toEqual([
    { re: 'open-0', groups: { one: 0, two: 0 } },
    { re: 'open-1', groups: { one: 2 } },
    { re: 'open-2', groups: { one: 0, two: 0 } },
    { re: undefined, groups: { one: 0 } },
    { re: 'open-4', groups: { one: 0, two: 0 } },
    { re: 'open-5', groups: { one: 0 } },
    { re: 'open-6', groups: { one: 0, two: 0 } },
    half,
    { re: 'own2', groups: { one: 0 } },
  ])
  expect(open.map(({ command }) => command.internal ?? false)).toEqual(open.map((_, i) => i === 4))
  expect(open[3]!.command).toEqual({
    ...again(alice, 'x', '{"n":4,"text":"grüße"}', open[3]!.command.order),
    id: `alice/~${open[3]!.command.order.toString(36)}`,
    re: undefined,
    at: 1_780_000_000_004,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    correlation: Buffer.from([0, 255, 10]),
    responseTopic: 'alice_acted',
    jti: undefined,
    onlyTo: undefined,
    expiresAt: undefined,
  })
  let order = queue.nextOrder()
  const append = (command: Command) => queue.append(command, ['one'])
  const payloadOf = (n: number): string => `{"n":${n},"text":"grüße"}`
  expect(await append(again(alice, 'open-0', payloadOf(1), order++))).toEqual({ kind: 'repeat', answer: undefined })
  expect(await append(again(alice, 'open-0', payloadOf(9), order++))).toEqual({ kind: 'conflict' })
  const halfAnswer = { to: alice, event: 'acted', fields: { half: true }, at: '2026-01-01T00:00:00.000Z', numbers: [1] }
  expect(await append(again(alice, 'half', payloadOf(8), order++))).toEqual({ kind: 'repeat', answer: halfAnswer })
  for (let i = 0; i < 9; i++) {
    const told = { to: bob, event: 'acted', fields: { i, deep: { er: [1, null] } }, at: '2026-01-01T00:00:00.000Z' }
    const answer = i === 8 ? undefined : { ...told, numbers: [i + 1] }
    expect(await append(again(bob, `done-${i}`, payloadOf(9 + i), order++))).toEqual({ kind: 'repeat', answer })
    expect(await append(again(bob, `done-${i}`, '{}', order++))).toEqual({ kind: 'conflict' })
  }
  const onlyTo = `${carol}/phone`
  const own2 = again(carol, 'own2', '{}', order++, { onlyTo })
  expect(await append(own2)).toEqual({ kind: 'repeat', answer: undefined }) // it runs again just now
  const own = again(carol, 'own', payloadOf(18), order++, { onlyTo })
  expect(await queue.append(own, ['one'], true)).toEqual({ kind: 'repeat', answer: undefined })
  const ran = await append(own)
  const rerun = ran.kind === 'new' ? queue.load(ran.jobs[0]!) : undefined
  expect(rerun).toMatchObject({ re: 'own' })
  expect(rerun!.id).not.toBe(own.id)

  const kept = await openKept(storage, KEPT)
  const { inbox, sessions } = kept
  const missed = (user: Command['user']) => {
    const found = inbox.after(user, 0, { limit: 100, bytes: 1e6, mayRead: () => true })
    return found.recovered && found.events.map(({ number, body }) => `${number} ${body.toString()}`)
  }
  const event = (i: number): string => `{"i":${i},"text":"ü"}`
  expect(missed(alice)).toEqual([0, 3, 6, 9].map((i, at) => `${at + 1} ${event(i)}`))
  expect(missed(bob)).toEqual(Array.from({ length: 11 }, (_, i) => `${i + 1} ${event(i)}`))

  const letters = [...openDeadLetters(storage, { letters: 100, bytes: 1e6 }, () => {}).find({})]
  expect(letters.map(({ command, attempts, code }) => [command.re, attempts, code])).toEqual([
    ['dead-0', 5, 'internal'],
    ['dead-1', 5, 'internal'],
  ])
  expect(waitingIn(kept, 'bob/phone').map(({ payload }) => payload)).toEqual(['{"waits":true}'])
  const targets: Target[] = []
  sessions.targets(targets, 'bob', 'events', ON_ALL)
  expect(targets).toHaveLength(1)
  await close(kept)
}

const KEPT = {
  KEPT_BYTES_PER_USER: 1e9,
  MAX_KEPT_BYTES: 1e9,
  INBOX_EVENTS: 100,
  INBOX_AGE: LONG,
  MAX_OFFLINE_EVENTS: 100,
  MAX_OFFLINE_BYTES: 1e6,
  MAX_SESSION_BYTES: 1e12,
}

/** The messages that wait for a session, in order; their payloads as text. */
function waitingIn({ sessions }: Kept, id: string) {
  return Array.from(waitingFor(sessions, id).values(), ({ number: _number, dup: _dup, ...its }) => {
    return { ...its, payload: its.payload.toString() }
  })
}

async function close({ kept, inbox, sessions }: Kept): Promise<void> {
  sessions.stop()
  await inbox.close()
  await kept.close()
}

test('data of the last version with format 1 is there in this version, also over restarts', async () => {
  let storage = openLmdb(path)
  await openFormat(storage, log)
  expect(heard).toEqual([{ from: 1, to: 3, records: 43 }])
  await storage.close()
  storage = openLmdb(path)
  await openFormat(storage, log)
  expect(heard).toHaveLength(1)
  await expectAll(storage)
  for (const old of ['commands', 'answers', 'inbox', 'kept', 'events'])
    expect([...storage.table(old).entries()]).toEqual([])
  await storage.close()
})

/** Starts are killed, each a little later, until one gets through. */
async function broughtWithKills(step: number): Promise<void> {
  let kills = 0
  for (;;) {
    const run = new Run(['test/bring-format.ts', path, String(3 + step * kills)])
    const end = await run.ended
    if (end === 0) break
    expect(end).toBe('SIGKILL')
    kills++
  }
  expect(kills).toBeGreaterThan(2)
}

test('the next start completes a conversion during which the broker was killed', async () => {
  await broughtWithKills(1)
  const storage = openLmdb(path)
  await expectAll(storage)
  await storage.close()
})

/** What waited in sessions and inboxes in format 2 is there, and stored once. */
async function expectKept(storage: Storage): Promise<void> {
  const kept = await openKept(storage, KEPT)
  const { inbox, sessions } = kept
  const missed = (user: Command['user']) => {
    const found = inbox.after(user, 0, { limit: 100, bytes: 1e6, mayRead: () => true })
    return found.recovered && found.events.map(({ number, event }) => `${number} ${event}`)
  }
  // The message m3, number 4 of Alice and 2 of Bob, was deleted: neither the inboxes nor the sessions tell it.
  expect(missed(alice)).toEqual(['1 said', '2 said', '3 said', '5 said', '6 said', '7 listed'])
  expect(missed(bob)).toEqual(['1 said'])
  expect(inbox.lastOf(userIdOf('erin'))).toBe(41)
  const at = '2026-01-01T00:00:00.000Z'
  const said = (i: number, topic: string, event_seq = i + 1) => {
    const fields = { i, text: 'grüße', message_id: `m${i}`, at }
    const named = topic.endsWith('_events') ? { event: 'said', event_seq } : { event_seq }
    return { topic, payload: JSON.stringify({ ...named, ...fields }), qos: 1, retain: false }
  }
  const answer = {
    topic: 'alice_events',
    payload: JSON.stringify({ event: 'listed', event_seq: 7, re: 'r1', names: ['x'], at }),
    qos: 1,
    retain: false,
    properties: { correlationData: Buffer.from([0, 255, 7]) },
    answers: { command: 'list', re: 'r1', isNamed: true },
  }
  const own = { topic: 'alice_events', payload: '{"event":"session_info","only":true}', qos: 1, retain: false }
  const ofAlice = [0, 1, 2, 4, 5].map((i) => said(i, 'alice_events'))
  expect(waitingIn(kept, 'alice/phone')).toEqual([...ofAlice.slice(2), answer, own]) // it had acknowledged two
  expect(waitingIn(kept, 'alice/laptop')).toEqual([
    ...[0, 1, 2, 4, 5].flatMap((i) => [said(i, 'alice_said'), said(i, 'alice_events')]),
    answer,
  ])
  expect(sessions.get('alice/laptop')).toMatchObject({
    since: expect.any(Number),
    jti: 'jti-alice/laptop',
  })
  const open = {
    topic: 'fleet/7/pos',
    payload: Buffer.from([1, 2, 0, 255]).toString(),
    qos: 2,
    retain: true,
    messageExpiry: 4e12,
    properties: {
      contentType: 'x/y',
      payloadFormatIndicator: true,
      responseTopic: 'fleet/7/re',
      correlationData: Buffer.from([9]),
      userProperties: { a: 'b' },
      subscriptionIdentifier: [5],
      messageExpiryInterval: expect.closeTo((4e12 - steady()) / 1000, -3),
    },
  }
  expect(waitingIn(kept, 'bob/phone')).toEqual([said(0, 'bob_events', 1), open])
  const { inFlight } = sessions.get('bob/phone')!
  expect(inFlight).toEqual([{ messageId: 77, number: expect.any(Number) }])
  expect(sessions.get('bob/phone')!.waiting.form(inFlight[0]!.number)).toBe(RELEASED)
  expect([...sessions.get('bob/phone')!.incoming]).toEqual([12, 13])
  expect(waitingIn(kept, 'carol/phone')).toMatchObject([{ payload: 'do it', shared: '$share/crew/jobs/+' }])
  expect(sessions.openTo('fleet/1', '', () => false)).toMatchObject([['bob/phone', { qos: 2 }]])
  await close(kept)
}

test('events kept by the last version with format 2 are there in this version, also over restarts', async () => {
  await storedIn(2)
  let storage = openLmdb(path)
  await openFormat(storage, log)
  expect(heard).toMatchObject([{ from: 2, to: 3 }])
  for (const old of ['kept', 'events']) expect([...storage.table(old).entries()]).toEqual([])
  await expectKept(storage)
  await storage.close()
  storage = openLmdb(path)
  await openFormat(storage, log)
  await expectKept(storage)
  await storage.close()
})

test('the same with starts that are killed during the conversion', async () => {
  await storedIn(2)
  await broughtWithKills(2)
  const storage = openLmdb(path)
  await expectKept(storage)
  await storage.close()
})

test('data of a newer version is refused and stays as it is', async () => {
  const storage = openLmdb(path)
  const meta = storage.table<number>('meta')
  await storage.commit((unit) => unit.put(meta, 'format', 4))
  await expect(openFormat(storage, log)).rejects.toThrow(/newer version has stored .* in format 4, .* up to 3/)
  expect([...storage.table('commands').entries()]).toHaveLength(9)
  await storage.close()
})

test('a torn record, or one with a flipped bit, is reported with its place and what is lost; the others are read', async () => {
  let storage = openLmdb(path)
  await openFormat(storage, log)
  await storage.close()
  const lost: string[] = []
  storage = openLmdb(path, (err) => lost.push((err as Error).message))
  const plain = { holds: '', encode: (bytes: Buffer) => bytes, decode: (bytes: Buffer) => bytes }
  const raw = storage.table('queue', plain)
  const records = [...raw.entries()]
  const [torn, flipped] = [records.at(-1)!, records.at(-2)!]
  flipped.value[5]! ^= 1
  await storage.commit((unit) => {
    unit.put(raw, torn.key, torn.value.subarray(0, 20))
    unit.put(raw, flipped.key, flipped.value)
  })
  await storage.close()
  storage = openLmdb(path, (err) => lost.push((err as Error).message))
  const left = [...(await openCommands(storage)).open(() => 'one')]
  expect(new Set(left.map(({ order }) => order)).size).toBe(7)
  const place = (key: unknown): string => `record ${String(key)} of table queue in ${path} is broken`
  const what = 'a command that has not ended, or the answer of one that has is lost'
  expect(lost).toEqual([
    `${place(flipped.key)} (its checksum is wrong) and was skipped: ${what}`,
    `${place(torn.key)} (its checksum is wrong) and was skipped: ${what}`,
  ])
  await storage.close()
})
