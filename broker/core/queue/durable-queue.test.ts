import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { commandWith } from '../../../test/command.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OutgoingEvent } from '../../../shared/wire/done.ts'
import { commandName } from '../../../shared/wire/topic.ts'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import type { Command } from '../../seam/session.ts'
import { openLmdb } from '../../storage/lmdb.ts'
import type { Storage } from '../../storage/storage.ts'
import { commandRecord } from './command-record.ts'
import { openQueue } from './durable-queue.ts'
import type { Job } from '../dispatch/job.ts'
import type { CommandQueue } from './queue.ts'

const HOUR = 3_600_000
const answer: OutgoingEvent = { to: userIdOf('alice'), event: 'acted', fields: { n: 1 } }

let dir: string
let storage: Storage
let queue: CommandQueue
beforeEach(async () => {
  jobs = []
  dir = await mkdtemp(join(tmpdir(), 'queue-'))
  await begins()
})
afterEach(async () => {
  await storage.close()
  await rm(dir, { recursive: true })
})

/** The broker starts, on what it had before. */
async function begins(limits: Partial<Parameters<typeof openQueue>[1]> = {}): Promise<void> {
  await (storage as Storage | undefined)?.close()
  storage = openLmdb(join(dir, 'broker.lmdb'))
  queue = await openQueue(storage, {
    all: { commands: 1_000, bytes: 1_000_000 },
    perUser: { commands: 1_000, bytes: 1_000_000 },
    remembered: { bytes: 1_000_000, perUser: 100_000 },
    windowMs: HOUR,
    ...limits,
  })
}

function commandOf(sub: string, re?: string, payload = '{}', more: Partial<Command> = {}): Command {
  const order = queue.nextOrder()
  const id = `${sub}/${re ?? ''}~${order}`
  return commandWith({ id, order, user: userIdOf(sub), re, payload: Buffer.from(payload), ...more })
}
/** Of what was appended, or was open at the start. */
let jobs: Job[] = []
async function append(
  command: Command,
  groups: string[],
  isRetransmitted = false,
): Promise<{ kind: string; command?: Command | undefined }> {
  const appended = await queue.append(command, groups, isRetransmitted)
  if (appended.kind !== 'new') return appended
  jobs.push(...appended.jobs)
  return { kind: 'new', command: queue.load(appended.jobs[0]!) }
}
const jobOf = ({ order }: Command, group: string): Job =>
  jobs.find((one) => one.order === order && one.group === group)!
const ends = (command: Command, group: string, told?: { answer: OutgoingEvent | undefined }): Promise<void> =>
  storage.commit((unit) => queue.finish(unit, jobOf(command, group), told))
/** What is open after a start: each command with its groups and their failed attempts. */
function openNow(owner = 'one'): [string | undefined, Record<string, number>][] {
  jobs = [...queue.open(() => owner)]
  const byCommand = new Map<number, Job[]>()
  for (const job of jobs) byCommand.set(job.order, [...(byCommand.get(job.order) ?? []), job])
  return Array.from(byCommand.values(), (all) => [
    queue.load(all[0]!)!.re,
    Object.fromEntries(all.map(({ group, attempt }) => [group, attempt - 1])),
  ])
}

test('recognizes a repeated id, with its answer if there is one, and only for the same command and payload', async () => {
  const command = commandOf('alice', 'a')
  expect(await append(command, ['g'])).toEqual({ kind: 'new', command })
  expect(await append(commandOf('alice', 'a'), ['g'])).toEqual({ kind: 'repeat', answer: undefined })
  await ends(command, 'g', { answer })
  expect(await append(commandOf('alice', 'a'), ['g'])).toEqual({ kind: 'repeat', answer })
  expect(await append(commandOf('alice', 'a', '{"n":2}'), ['g'])).toEqual({ kind: 'conflict' })
  const other = { name: commandName('act_otherwise') }
  expect(await append(commandOf('alice', 'a', '{}', other), ['g'])).toEqual({ kind: 'conflict' })
  expect(await append(commandOf('bob', 'a', '{"n":2}'), ['g'])).toMatchObject({ kind: 'new' })
})

test('remembers no answer for a single client: a repeat of the id runs the same command again', async () => {
  const from = (client: string, payload = '{}') =>
    commandOf('alice', 'a', payload, { client, onlyTo: `alice/${client}` })
  const first = from('phone')
  await append(first, ['g'])
  expect(await append(from('phone'), ['g'])).toEqual({ kind: 'repeat', answer: undefined }) // it is being answered
  expect(await append(from('tablet'), ['g'])).toMatchObject({ kind: 'new', command: { client: 'tablet' } })
  await ends(first, 'g', { answer })
  for (const restarts of [false, true]) {
    if (restarts) await begins()
    expect(await append(from('phone'), ['g'], true)).toEqual({ kind: 'repeat', answer: undefined })
    expect(await append(from('phone', '{"n":2}'), ['g'])).toEqual({ kind: 'conflict' })
    const again = from('phone')
    expect(await append(again, ['g'])).toEqual({ kind: 'new', command: { ...again, id: first.id } })
    await ends({ ...again, id: first.id }, 'g', { answer })
  }
  const ended = [...storage.table('queue', commandRecord).entries()].flatMap(({ value }) => value.ended ?? [])
  expect(ended).toMatchObject([{ again: first.id, answer: undefined }])
})

test('stores an id that comes twice at once only once, and acknowledges neither before that', async () => {
  const [first, second] = [commandOf('alice', 'a'), commandOf('alice', 'a')]
  const order: string[] = []
  await Promise.all([
    append(first, ['g']).then(({ kind }) => order.push(kind)),
    append(second, ['g']).then(({ kind }) => order.push(kind)),
  ])
  expect(order).toEqual(['new', 'repeat'])
  await begins()
  expect(openNow()).toHaveLength(1)
})

test('keeps the answer of the owner when an observer ends later', async () => {
  const command = commandOf('alice', 'a')
  await append(command, ['owner', 'observer'])
  await ends(command, 'owner', { answer })
  await begins()
  expect(openNow()).toEqual([['a', { observer: 0 }]])
  await ends(command, 'observer')
  expect(await append(commandOf('alice', 'a'), ['owner', 'observer'])).toEqual({ kind: 'repeat', answer })
  await begins()
  expect(openNow()).toEqual([])
  expect(await append(commandOf('alice', 'a'), ['owner', 'observer'])).toEqual({ kind: 'repeat', answer })
})

test('finds open commands after a restart, in order, with their failed attempts and every byte', async () => {
  const payload = Buffer.from([0x7b, 0xff, 0, 0x7d])
  const commands = ['a', 'b', 'c', undefined].map((re) => commandOf('alice', re, '', { payload, expiresAt: 4e12 }))
  await Promise.all(commands.map((command) => append(command, ['one', 'two'])))
  await ends(commands[1]!, 'one', { answer })
  await ends(commands[1]!, 'two')
  const tried = jobOf(commands[2]!, 'two')
  tried.attempt += 3
  queue.tried(tried)
  await begins()
  expect(openNow()).toEqual([
    ['a', { one: 0, two: 0 }],
    ['c', { one: 0, two: 3 }],
    [undefined, { one: 0, two: 0 }],
  ])
  expect(queue.load(jobs[0]!)).toEqual(commands[0])
  expect(await append(commandOf('alice', 'a', '', { payload }), ['one'])).toEqual({
    kind: 'repeat',
    answer: undefined,
  })
  expect(await append(commandOf('alice', 'b', '', { payload }), ['one'])).toEqual({ kind: 'repeat', answer })
})

test('forgets an id when its window ends, but not while the command is open', async () => {
  await begins({ windowMs: 0 })
  const command = commandOf('alice', 'a')
  await append(command, ['g'])
  expect(await append(commandOf('alice', 'a'), ['g'])).toMatchObject({ kind: 'repeat' })
  await ends(command, 'g', { answer })
  expect(await append(commandOf('alice', 'a'), ['g'])).toMatchObject({ kind: 'new' })
})

test('remembers at most as many ids as it may hold commands', async () => {
  await begins({ all: { commands: 3, bytes: 1e6 } })
  for (const re of ['a', 'b', 'c', 'd', 'e']) {
    const command = commandOf('alice', re)
    await append(command, ['g'])
    await ends(command, 'g', { answer })
  }
  expect(await append(commandOf('alice', 'e'), ['g'])).toMatchObject({ kind: 'repeat' })
  expect(await append(commandOf('alice', 'a'), ['g'])).toMatchObject({ kind: 'new' })
})

test('frees the room of a command when its owner ends it, although observers have not', async () => {
  await begins({ all: { commands: 3, bytes: 1e6 } })
  const commands = ['a', 'b', 'c'].map((re) => commandOf('alice', re))
  for (const [i, command] of commands.entries()) await append(command, [`owner ${i}`, 'observer'])
  expect(await append(commandOf('alice'), ['one'])).toEqual({ kind: 'full', share: 'all' })
  expect(await append(commandOf('alice', 'a'), ['one'])).toMatchObject({ kind: 'repeat' })
  await ends(commands[0]!, 'observer')
  expect(await append(commandOf('alice'), ['one'])).toEqual({ kind: 'full', share: 'all' })
  await ends(commands[0]!, 'owner 0', { answer })
  await ends(commands[1]!, 'owner 1', { answer })
  for (const group of ['one', 'two']) expect(await append(commandOf('alice'), [group])).toMatchObject({ kind: 'new' })
  expect(await append(commandOf('alice'), ['one'])).toEqual({ kind: 'full', share: 'all' })
})

test.each<[what: string, big: Partial<Command>]>([
  ['payload', { payload: Buffer.alloc(6_000) }],
  ['correlation data', { correlation: Buffer.alloc(6_000) }],
  ['response topic', { responseTopic: `alice_${'x'.repeat(6_000)}` }],
])('counts every byte that a sender chooses, while it is stored too: of the %s', async (_what, big) => {
  await begins({ all: { commands: 100, bytes: 10_000 } })
  const appending = [big, big, {}].map((more, i) => append(commandOf('alice', undefined, '{}', more), [`g${i}`]))
  expect(await Promise.all(appending)).toMatchObject([{ kind: 'new' }, { kind: 'full', share: 'all' }, { kind: 'new' }])
})

test('commands from before a restart count again towards their user, owner and observers', async () => {
  const bounds = { all: { commands: 8, bytes: 1e6 }, perUser: { commands: 3, bytes: 1e6 } }
  await begins(bounds)
  const commands = [1, 2, 3].map(() => commandOf('alice'))
  for (const command of commands) await append(command, ['owner', 'observer'])
  await ends(commands[0]!, 'owner', { answer })
  await begins(bounds)
  expect(openNow('owner')).toHaveLength(3)
  expect(queue.fullness().map(({ kind, part }) => [kind, part])).toEqual([
    ['queued', 2 / 8],
    ['observed', 1 / 2],
    ['remembered', undefined],
  ])
  expect(await append(commandOf('alice'), ['owner'])).toMatchObject({ kind: 'new' })
  expect(await append(commandOf('alice'), ['owner'])).toEqual({ kind: 'full', share: 'user' })
  expect(await append(commandOf('bob'), ['owner'])).toMatchObject({ kind: 'new' })
  expect(await append(commandOf('bob'), ['owner'])).toEqual({ kind: 'full', share: 'group' })
  expect(await append(commandOf('bob'), ['another'])).toMatchObject({ kind: 'new' })
})

test('a command at QoS 0 is never a repeat, takes room while it runs, and is gone after a restart', async () => {
  await begins({ all: { commands: 2, bytes: 1e6 } })
  const commands = Array.from({ length: 3 }, () => commandOf('alice', 'a', '{}', { stored: false }))
  const kinds = await Promise.all(commands.map((command, i) => append(command, [i === 0 ? 'g' : 'h'])))
  expect(kinds.map(({ kind }) => kind)).toEqual(['new', 'new', 'full'])
  await ends(commands[0]!, 'g', { answer })
  expect(await append(commandOf('alice', 'a', '{}', { stored: false }), ['g'])).toMatchObject({ kind: 'new' })
  await begins()
  expect(openNow()).toEqual([])
})

test('an answer beyond its user’s share is not kept, but its id still counts as done', async () => {
  await begins({ remembered: { bytes: 1e6, perUser: 300 } })
  const long: OutgoingEvent = { to: userIdOf('alice'), event: 'acted', fields: { text: 'x'.repeat(150) } }
  for (const [sub, re] of [
    ['alice', 'a'],
    ['alice', 'b'],
    ['bob', 'a'],
  ] as const) {
    const command = commandOf(sub, re)
    await append(command, ['g'])
    await ends(command, 'g', { answer: long })
  }
  for (const restarts of [false, true]) {
    if (restarts) await begins()
    expect(await append(commandOf('alice', 'a'), ['g'])).toEqual({ kind: 'repeat', answer: long })
    expect(await append(commandOf('alice', 'b'), ['g'])).toEqual({ kind: 'repeat', answer: undefined, isDropped: true })
    expect(await append(commandOf('alice', 'b', '{"n":2}'), ['g'])).toEqual({ kind: 'conflict' })
    expect(await append(commandOf('bob', 'a'), ['g'])).toEqual({ kind: 'repeat', answer: long })
  }
})

test('drops the oldest answers beyond their bytes, also from the disk; their ids stay, each with one effect', async () => {
  await begins({ remembered: { bytes: 2_000, perUser: 1e6 } })
  const long: OutgoingEvent = { to: userIdOf('alice'), event: 'acted', fields: { text: 'x'.repeat(900) } }
  for (let i = 0; i < 10; i++) {
    const command = commandOf(`user-${i}`, 'a')
    await append(command, ['g'])
    await ends(command, 'g', { answer: long })
  }
  const kept = (): unknown[] =>
    [...storage.table('queue', commandRecord).entries()].map(({ value }) => value.ended?.answer?.length)
  expect(kept().map((bytes) => Number(bytes) > 0)).toEqual(Array.from({ length: 10 }, (_, i) => i > 6))
  expect(queue.fullness().find(({ kind }) => kind === 'remembered')).toMatchObject({ limit: 2_000 })
  for (const i of [0, 9]) {
    const again = await append(commandOf(`user-${i}`, 'a'), ['g'])
    expect(again).toEqual(
      i === 0 ? { kind: 'repeat', answer: undefined, isDropped: true } : { kind: 'repeat', answer: long },
    )
  }
})

test('a waiting command whose record breaks is gone and leaves nothing behind', async () => {
  const command = commandOf('alice', 'a')
  await append(command, ['one'])
  await begins()
  expect(openNow()).toHaveLength(1)
  await begins()
  jobs = [...queue.open(() => 'one')]
  const plain = { holds: '', encode: (bytes: Buffer) => bytes, decode: (bytes: Buffer) => bytes }
  const raw = storage.table('queue', plain)
  await storage.commit((unit) => unit.put(raw, command.order, Buffer.from('broken')))
  expect(queue.load(jobs[0]!)).toBeUndefined()
  await ends(command, 'one')
  expect([...raw.entries()]).toEqual([])
  expect(queue.fullness()[0]!.used).toBe(0)
  expect(await append(commandOf('alice', 'a'), ['one'])).toMatchObject({ kind: 'new' })
})

test('an answer that tells what was deleted later is not repeated, also after a restart; a later answer is', async () => {
  const told: OutgoingEvent = { to: userIdOf('alice'), event: 'sent', fields: { message_id: 'm1', body: 'secret' } }
  for (const re of ['before', 'after']) {
    if (re === 'after') {
      const what = { events: ['sent'], field: 'message_id', value: 'm1' }
      await storage.commit((unit) => queue.forget(unit, what))
      await new Promise((resolve) => setTimeout(resolve, 2)) // of the clock that tells one from the other
    }
    const command = commandOf('alice', re)
    await append(command, ['g'])
    await ends(command, 'g', { answer: told })
  }
  for (const restarts of [false, true]) {
    if (restarts) await begins()
    const dropped = { kind: 'repeat', answer: undefined, isDropped: true }
    expect(await append(commandOf('alice', 'before'), ['g'])).toEqual(dropped)
    expect(await append(commandOf('alice', 'after'), ['g'])).toEqual({ kind: 'repeat', answer: told })
  }
})

test('keeps a thousand waiting commands on the disk and few in memory; each can be loaded', async () => {
  await begins({ all: { commands: 10_000, bytes: 1e9 }, perUser: { commands: 10_000, bytes: 1e9 } })
  const payload = (i: number): string => JSON.stringify({ i, text: 'x'.repeat(40_000) })
  const commands = Array.from({ length: 1_000 }, (_, i) => commandOf('alice', `c${i}`, payload(i)))
  await Promise.all(
    commands.map((command) => queue.append(command, ['g']).then((one) => 'jobs' in one && jobs.push(...one.jobs))),
  )
  expect(jobs.map(({ order }) => order)).toEqual(commands.map(({ order }) => order))
  const inHand = jobs.filter((job) => job.inHand !== undefined)
  expect(inHand.length).toBeLessThan(450) // 16 MB
  expect(inHand.length).toBeGreaterThan(300)
  const read = jobs.map((job) => queue.load(job)!)
  expect(read.every(({ id, payload }, i) => id === commands[i]!.id && payload.equals(commands[i]!.payload))).toBe(true)
})

test('a command that observers have not ended keeps its answer, which counts towards their room', async () => {
  const command = commandOf('alice', 'a')
  await append(command, ['owner', 'one observer', 'another'])
  const body: OutgoingEvent = { to: userIdOf('alice'), event: 'acted', fields: { text: 'x'.repeat(900) } }
  await Promise.all([ends(command, 'owner', { answer: body }), ends(command, 'one observer')]) // in one turn
  expect(queue.fullness()[1]!.used).toBeGreaterThan(1_300)
  expect(await append(commandOf('alice', 'a'), ['owner'])).toEqual({ kind: 'repeat', answer: body })
  await begins()
  expect(openNow('owner')).toEqual([['a', { another: 0 }]])
  expect(queue.fullness()[1]!.used).toBeGreaterThan(1_300)
  queue.tried(jobs[0]!)
  await ends(command, 'another')
  expect(queue.fullness()[1]!.used).toBe(0)
  expect(await append(commandOf('alice', 'a'), ['owner'])).toEqual({ kind: 'repeat', answer: body })
})

test('replaying an observer’s dead letter runs it for that observer alone, and the owner’s answer stays known', async () => {
  const command = commandOf('alice', 'a')
  await append(command, ['one', 'two'])
  await ends(command, 'one', { answer })
  await ends(command, 'two')
  const again = { ...command, order: queue.nextOrder() }
  await storage.commit((unit) => void jobs.push(...queue.revive(unit, again, ['two'], 'one')))
  expect(queue.isOpen(command)).toBe(true)
  expect(await append(commandOf('alice', 'a'), ['one'])).toEqual({ kind: 'repeat', answer })
  await begins()
  expect(openNow()).toEqual([['a', { two: 0 }]])
  expect(queue.isOpen(command)).toBe(true)
  await ends(again, 'two')
  expect(queue.isOpen(command)).toBe(false)
  expect(await append(commandOf('alice', 'a'), ['one'])).toEqual({ kind: 'repeat', answer })
})

test('numbers only grow, over restarts and when the clock is set back', async () => {
  const numbers = [queue.nextOrder(), queue.nextOrder()]
  const now = Date.now
  try {
    Date.now = () => now() - HOUR
    await begins()
    numbers.push(queue.nextOrder(), queue.nextOrder())
  } finally {
    Date.now = now
  }
  expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b))
})

test('a repeated id gets the same answer although the clock was moved an hour ahead', async () => {
  const command = commandOf('alice', 'a')
  await append(command, ['g'])
  await ends(command, 'g', { answer })
  const now = Date.now
  try {
    Date.now = () => now() + HOUR
    expect(await append(commandOf('alice', 'a'), ['g'])).toEqual({ kind: 'repeat', answer })
  } finally {
    Date.now = now
  }
})

test('a replayed command is open for its one group and answered again', async () => {
  const command = commandOf('alice', 'a')
  await append(command, ['one', 'two'])
  await ends(command, 'one', { answer })
  await ends(command, 'two')
  const again = { ...command, order: queue.nextOrder() }
  await storage.commit((unit) => void queue.revive(unit, again, ['one'], 'one'))
  await begins()
  expect(openNow()).toEqual([['a', { one: 0 }]])
  expect(await append(commandOf('alice', 'a'), ['one'])).toEqual({ kind: 'repeat', answer: undefined })
})

test('a command is open from its append or replay until its owner and all other groups have ended it', async () => {
  const command = commandOf('alice', 'a')
  const appending = append(command, ['one', 'two'])
  expect(queue.isOpen(command)).toBe(true)
  await appending
  await ends(command, 'one', { answer })
  expect(queue.isOpen(command)).toBe(true)
  await ends(command, 'two')
  expect(queue.isOpen(command)).toBe(false)

  const again = { ...command, order: queue.nextOrder() }
  const reviving = storage.commit((unit) => void jobs.push(...queue.revive(unit, again, ['one', 'two'], 'one')))
  expect([queue.isOpen(command), queue.isOpen(commandOf('alice', 'a'))]).toEqual([true, true])
  await reviving
  await ends(again, 'one', { answer })
  await ends(again, 'two')
  expect(queue.isOpen(again)).toBe(false)
  await begins()
  expect(openNow()).toEqual([]) // nothing of it is left that would run after a restart
})
