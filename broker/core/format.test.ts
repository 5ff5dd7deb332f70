import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { ROOT, Run } from '../../test/process.ts'
import { commandName } from '../../shared/wire/topic.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { openSessionStore } from '../front/aedes/session-store.ts'
import { openFormat } from './format.ts'
import { openInbox } from './inbox/inbox.ts'
import { openDeadLetters } from './queue/dead-letters.ts'
import { openQueue } from './queue/durable-queue.ts'
import type { Command } from '../seam/session.ts'
import { openLmdb } from '../storage/lmdb.ts'
import type { Storage } from '../storage/storage.ts'

const LONG = 1e15
const AMOUNT = { commands: 1_000, bytes: 1_000_000 }
const ROOM = { all: AMOUNT, perUser: AMOUNT }
const [alice, bob, carol] = [userIdOf('alice'), userIdOf('bob'), userIdOf('carol')]
const heard: object[] = []
const log = { info: (fields: object) => void heard.push(fields) }

let dir: string
let path: string
/** What the last version with format 1 stored: see the tests for what there is. */
beforeEach(async () => {
  heard.length = 0
  dir = await mkdtemp(join(tmpdir(), 'format-'))
  path = join(dir, 'broker.lmdb')
  await writeFile(path, gunzipSync(await readFile(join(ROOT, 'test/fixtures/format-1.lmdb.gz'))))
})
afterEach(() => rm(dir, { recursive: true }))

const openCommands = (storage: Storage) => openQueue(storage, { ...ROOM, windowMs: 1_000_000 })

function again(
  user: Command['user'],
  re: string,
  payload: string,
  order: number,
  more: Partial<Command> = {},
): Command {
  return {
    id: `${user}/${re}~again`,
    order,
    name: commandName('act'),
    user,
    client: 'phone',
    payload: Buffer.from(payload),
    re,
    at: 0,
    expiresAt: undefined,
    stored: true,
    traceparent: '',
    correlation: undefined,
    responseTopic: undefined,
    ...more,
  }
}

/** All that was stored in format 1 is there, each once. */
async function expectAll(storage: Storage): Promise<void> {
  const queue = await openCommands(storage)
  const open = [...queue.open(() => 'one')]
  const half = { re: 'half', groups: { two: 0 } }
  expect(open.map(({ command: { re }, groups }) => ({ re, groups: Object.fromEntries(groups) }))).toEqual([
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
  expect(ran).toMatchObject({ kind: 'new', command: { re: 'own' } })
  expect(ran.kind === 'new' && ran.command.id).not.toBe(own.id)

  const inbox = await openInbox(storage, { events: 100, ageMs: LONG, bytes: 1e9 })
  const missed = (user: Command['user']) => {
    const found = inbox.after(user, 0, { limit: 100, bytes: 1e6, mayRead: () => true })
    return found.recovered && found.events.map(({ number, body }) => `${number} ${body.toString()}`)
  }
  const event = (i: number): string => `{"i":${i},"text":"ü"}`
  expect(missed(alice)).toEqual([0, 3, 6, 9].map((i, at) => `${at + 1} ${event(i)}`))
  expect(missed(bob)).toEqual(Array.from({ length: 11 }, (_, i) => `${i + 1} ${event(i)}`))
  await inbox.close()

  const letters = [...openDeadLetters(storage, 100, () => {}).find({})]
  expect(letters.map(({ command, attempts, code }) => [command.re, attempts, code])).toEqual([
    ['dead-0', 5, 'internal'],
    ['dead-1', 5, 'internal'],
  ])
  const sessions = openSessionStore(storage, { maxWaiting: 100, maxWaitingBytes: 1e6 })
  const waiting = [...sessions.get('bob/phone')!.waiting.values()]
  expect(waiting.map(({ packet }) => packet.payload.toString())).toEqual(['{"waits":true}'])
  expect(sessions.subscribersOf('bob_events')?.size).toBe(1)
  sessions.stop()
}

test('what the last version with format 1 has stored is there in this one, over restarts too', async () => {
  let storage = openLmdb(path)
  await openFormat(storage, log)
  expect(heard).toEqual([{ from: 1, to: 2, records: 31 }])
  await storage.close()
  storage = openLmdb(path)
  await openFormat(storage, log)
  expect(heard).toHaveLength(1)
  await expectAll(storage)
  for (const old of ['commands', 'answers', 'inbox']) expect([...storage.table(old).entries()]).toEqual([])
  await storage.close()
})

test('a start that is killed while it brings them into this format is made up for by the next', async () => {
  let kills = 0
  for (;;) {
    const run = new Run(['test/bring-format.ts', path, String(3 + kills)])
    const end = await run.ended
    if (end === 0) break
    expect(end).toBe('SIGKILL')
    kills++
  }
  expect(kills).toBeGreaterThan(2)
  const storage = openLmdb(path)
  await expectAll(storage)
  await storage.close()
})

test('what a newer version has stored is refused, and stays as it is', async () => {
  const storage = openLmdb(path)
  const meta = storage.table<number>('meta')
  await storage.commit((unit) => unit.put(meta, 'format', 3))
  await expect(openFormat(storage, log)).rejects.toThrow(/newer version has stored .* in format 3, .* up to 2/)
  expect([...storage.table('commands').entries()]).toHaveLength(9)
  await storage.close()
})

test('a record that is torn or has another bit is told with its place and what is lost, and the others are read', async () => {
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
  expect([...(await openCommands(storage)).open(() => 'one')]).toHaveLength(7)
  const place = (key: unknown): string => `the record ${String(key)} of the table queue in ${path} is broken`
  const what = 'a command that has not ended, or the answer of one that has is lost'
  expect(lost).toEqual([
    `${place(flipped.key)} (its checksum is wrong) and left out: ${what}`,
    `${place(torn.key)} (its checksum is wrong) and left out: ${what}`,
  ])
  await storage.close()
})
