import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { openLog } from '../../shared/log.ts'
import { steady } from '../../shared/steady.ts'
import { commandName } from '../../shared/wire/topic.ts'
import { userIdOf, type UserId } from '../../shared/wire/user-id.ts'
import { commandWith } from '../../test/command.ts'
import { Copies, type Copy } from '../../test/copies.ts'
import type { DeviceSession } from '../seam/session.ts'
import { openLmdb } from '../storage/lmdb.ts'
import type { Storage } from '../storage/storage.ts'
import type { Job } from './dispatch/job.ts'
import type { TimedEvent } from './events/events.ts'
import { internalCommand } from './intake/intake.ts'
import { Later } from './later.ts'
import { RetainedMessages } from './open-topics/retained.ts'
import { Presence } from './presence.ts'
import { openQueue } from './queue/durable-queue.ts'
import { openWills } from './wills.ts'

// Commands and their answers, later commands, presence, retained messages and wills change step by step. Before each single write the
// file is copied, as a broker killed at that moment would leave it. Each copy is then opened, and must keep what was promised before the
// step or what is promised after it: all of one or all of the other, if the step is stored as one unit.

const [alice, bob] = [userIdOf('alice'), userIdOf('bob')]
const AGES = 1e9
/** Milliseconds in which everything that a start does by itself is done. */
const RETURN = 15_000
const ROOM = { all: { commands: 100, bytes: 1e6 }, perUser: { commands: 100, bytes: 1e6 } }
const BOUNDS = { ...ROOM, remembered: { bytes: 600, perUser: 1e6 }, windowMs: AGES }

/** What is promised, by its name. `?`: it may have gone by now. */
type Promised = ReadonlyMap<string, string>
type Opened = Awaited<ReturnType<typeof open>>

interface Run {
  opened: Opened
  /** Does something, after which this is promised too; undefined: no longer. `isWhole`: it is stored as one unit. */
  readonly step: (
    does: () => unknown,
    promises?: Record<string, string | undefined>,
    isWhole?: boolean,
  ) => Promise<void>
}

let dir: string
let copies: Copies
let states: Promised[]
/** Steps that are stored as one unit. */
let whole: Set<number>
beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] })
  dir = await mkdtemp(join(tmpdir(), 'killed-'))
  copies = new Copies(dir)
  states = [new Map()]
  whole = new Set()
})
afterEach(async () => {
  jest.useRealTimers()
  await rm(dir, { recursive: true })
})

/** @param here users who have a connection */
async function open(path: string, here: ReadonlySet<UserId>, watch = (storage: Storage): Storage => storage) {
  const storage = watch(openLmdb(path))
  const queue = await openQueue(storage, BOUNDS)
  const jobs: Job[] = [...queue.open(() => 'one')]
  const append = async (...[command, groups, isAgain]: Parameters<typeof queue.append>) => {
    const appended = await queue.append(command, groups, isAgain)
    if (appended.kind === 'new') jobs.push(...appended.jobs)
    return appended
  }
  /** Sends a command of the broker's own. */
  const send = async (name: string, user: UserId, input: object): Promise<void> =>
    void (await append(internalCommand(commandName(name), user, input, queue.nextOrder()), ['one']))
  return {
    storage,
    queue,
    jobs,
    append,
    later: new Later({ storage, queue, ownerOf: () => 'one', send: (user, name, input) => send(name, user, input) }),
    presence: new Presence({
      storage,
      isThere: (user) => here.has(user),
      changed: (user, online) => send('be_there', user, { online }),
      log: openLog('silent', 'test'),
    }),
    retained: new RetainedMessages(storage, { maxRetained: 9, maxRetainedBytes: 1e6, perUser: 9, bytesPerUser: 1e6 }),
    wills: openWills({
      storage,
      max: 0, // every will is sent at the start, whatever its delay
      sessionOf: () => undefined,
      publish: ({ id, user }, { payload }, ended) =>
        void send('send_will', user, { id, said: String(payload) }).then(ended),
    }),
  }
}

async function close({ storage, later, presence, wills }: Opened): Promise<void> {
  wills.stop()
  await later.close()
  await presence.close()
  await storage.close()
}

/** Resolves when everything that was begun is stored. */
async function settled(storage: Storage): Promise<void> {
  for (let i = 0; i < 8; i++) {
    await new Promise(setImmediate)
    await storage.commit(() => {})
  }
}

/** Opens a storage whose file is copied before each write. */
async function begin(here: ReadonlySet<UserId> = new Set()): Promise<Run> {
  const path = join(dir, 'live.lmdb')
  const opened = await open(path, here, (storage) => copies.watch(storage, path))
  copies.step = 1
  return {
    opened,
    async step(does, promises = {}, isWhole = true) {
      await does()
      await settled(opened.storage)
      const now = new Map(states.at(-1))
      for (const [name, value] of Object.entries(promises)) {
        if (value === undefined) now.delete(name)
        else now.set(name, value)
      }
      if (isWhole) whole.add(states.length)
      copies.step = states.push(now)
    },
  }
}

const commandOf = ({ queue }: Opened, re: string, onlyTo?: string) => {
  const order = queue.nextOrder()
  return commandWith({ id: `alice/${re}~${order}`, order, user: alice, re, onlyTo })
}

/** The outcome of sending the command `re` again. */
async function sentAgain(opened: Opened, re: string): Promise<string> {
  const command = commandOf(opened, re, re.startsWith('own') ? 'alice/phone' : undefined)
  const outcome = await opened.append(command, ['one'])
  if (outcome.kind === 'new') return opened.queue.load(outcome.jobs[0]!)!.id === command.id ? 'new' : 'runs again'
  if (outcome.kind !== 'repeat') return outcome.kind
  if (outcome.isDropped) return 'done'
  return outcome.answer ? `told ${String(outcome.answer.fields['n'])}` : 'no answer'
}

/** All that a start on this storage brings back, while these users are there. */
async function found(opened: Opened, ids: readonly string[]): Promise<Map<string, string>> {
  const { storage, queue, jobs, later, wills, retained } = opened
  const all = new Map<string, string>()
  const add = (name: string, value: string): void => {
    const before = all.get(name)?.split(', ') ?? []
    all.set(name, [...new Set([...before, value])].toSorted().join(', '))
  }
  later.resume()
  wills.resume()
  await settled(storage)
  jest.advanceTimersByTime(RETURN)
  await settled(storage)
  for (const { value } of storage.table<{ input: { n: string } }>('later').entries())
    add(`later ${value.input.n}`, 'due')
  const online = new Map<UserId, boolean>()
  for (const job of jobs.toSorted((a, b) => a.order - b.order)) {
    const { name, user, re, payload } = queue.load(job)!
    const input = JSON.parse(String(payload) || '{}')
    if (name === 'be_there') online.set(user, input.online)
    else if (name === 'send_will') add(`will ${input.id}`, input.said)
    else if (name === 'do_later') add(`later ${input.n}`, 'due')
    else add(`command ${re}`, `${job.group} ${job.attempt}`)
  }
  for (const [user, isOnline] of online) if (isOnline) all.set(`online ${user}`, 'yes')
  for (const topic of retained.topicsOf('#')) add(`retained ${topic}`, String(retained.get(topic)!.payload))
  for (const re of ids) {
    const outcome = await sentAgain(opened, re)
    if (outcome !== 'new') add(`id ${re}`, outcome)
  }
  return all
}

/** What is wrong with a copy, a line each. */
function wrongs(its: ReadonlyMap<string, string>, { before, step }: Copy): string[] {
  const [was, is] = [states[step - 1] ?? new Map<string, string>(), states[step] ?? states.at(-1)!]
  const names = [...new Set([...was.keys(), ...is.keys(), ...its.keys()])].filter(
    (name) => was.get(name) !== '?' && is.get(name) !== '?',
  )
  const where = `before ${before} in step ${step}`
  const strange = names.filter((name) => its.get(name) !== was.get(name) && its.get(name) !== is.get(name))
  if (strange.length > 0)
    return strange.map((name) => `${where}: ${name} is ${its.get(name)}, not ${was.get(name)} or ${is.get(name)}`)
  const isEither = [was, is].some((one) => names.every((name) => its.get(name) === one.get(name)))
  return isEither || !whole.has(step) ? [] : [`${where}: half of it is stored`]
}

/** Opens each copy and compares what it keeps. */
async function check(ids: readonly string[], here: ReadonlySet<UserId> = new Set()): Promise<string[]> {
  const wrong: string[] = []
  for (const copy of copies.all) {
    if (copy.step === 0) continue
    const opened = await open(copy.path, here)
    for (const user of here) opened.presence.connected(user)
    wrong.push(...wrongs(await found(opened, ids), copy))
    await close(opened)
  }
  return wrong
}

test('whichever write a broker is killed at, commands, their answers and what they schedule are kept as a whole', async () => {
  const { opened, step } = await begin()
  const { queue, storage, later, jobs, append } = opened
  const sends = (re: string, groups = ['one'], onlyTo?: string) => append(commandOf(opened, re, onlyTo), groups)
  const jobOf = (re: string, group: string): Job =>
    jobs.findLast((job) => job.group === group && job.state !== 'over' && queue.load(job)?.re === re)!
  const answer = (n: number, text = ''): TimedEvent => ({ to: alice, event: 'acted', fields: { n, text } })
  const ends = (re: string, group: string, told?: { answer: TimedEvent }, schedules: Record<string, number> = {}) =>
    storage.commit((unit) => {
      const job = jobOf(re, group)
      queue.finish(unit, job, told)
      const wanted = Object.entries(schedules).map(([n, after_ms]) => ({ after_ms, command: 'do_later', input: { n } }))
      later.add(unit, alice, wanted, false)
      unit.afterwards(() => (job.state = 'over'))
    })

  await step(() => sends('a', ['one', 'two']), { 'id a': 'no answer', 'command a': 'one 1, two 1' })
  await step(
    () => {
      const job = jobOf('a', 'two')
      job.attempt++
      queue.tried(job)
    },
    { 'command a': 'one 1, two 2' },
  )
  const schedules = { far: AGES, near: 10 }
  const scheduled = { 'later far': 'due', 'later near': 'due' }
  await step(() => ends('a', 'one', { answer: answer(1) }, schedules), {
    'id a': 'told 1',
    'command a': 'two 2',
    ...scheduled,
  })
  await step(() => jest.advanceTimersByTime(20), {}, false) // it is sent, and no longer scheduled
  await step(() => ends('a', 'two'), { 'command a': undefined })

  // An answer for one client alone is not remembered: its command runs again.
  for (let times = 0; times < 2; times++) {
    await step(() => sends('own', ['one'], 'alice/phone'), { 'id own': 'no answer', 'command own': 'one 1' })
    await step(() => ends('own', 'one', { answer: answer(2) }), { 'id own': 'runs again', 'command own': undefined })
  }

  // Answers beyond their bytes are dropped with a later end, the oldest first.
  const long = 'x'.repeat(200)
  for (const [n, dropped] of [[], [], [], ['id a', 'id d0'], ['id d1']].entries()) {
    await step(() => sends(`d${n}`), { [`id d${n}`]: 'no answer', [`command d${n}`]: 'one 1' })
    const gone = Object.fromEntries(dropped.map((name) => [name, 'done']))
    await step(() => ends(`d${n}`, 'one', { answer: answer(n, long) }), {
      [`id d${n}`]: `told ${n}`,
      [`command d${n}`]: undefined,
      ...gone,
    })
  }

  // What an answer tells is deleted.
  await step(() => sends('secret'), { 'id secret': 'no answer', 'command secret': 'one 1' })
  await step(() => ends('secret', 'one', { answer: { ...answer(7), fields: { n: 7, id: 'x' } } }), {
    'id secret': 'told 7',
    'command secret': undefined,
    'id d2': 'done',
  })
  for (const from = Date.now(); Date.now() < from + 3;) await new Promise(setImmediate) // of the clock that tells one from the other
  const deleted = { events: ['acted'], field: 'id', value: 'x' }
  await step(() => storage.commit((unit) => queue.forget(unit, deleted)), { 'id secret': 'done' })

  // A dead letter is replayed.
  const letter = commandOf(opened, 'dead')
  await step(() => storage.commit((unit) => void jobs.push(...queue.revive(unit, letter, ['one'], 'one'))), {
    'id dead': 'no answer',
    'command dead': 'one 1',
  })
  await step(() => ends('dead', 'one', { answer: answer(8) }), { 'id dead': 'told 8', 'command dead': undefined })
  await close(opened)

  for (const write of ['queue put', 'queue remove', 'later put', 'later remove', 'answers_forgotten put']) {
    expect(copies.writes).toContain(write)
  }
  expect(await check(['a', 'own', 'd0', 'd1', 'd2', 'd3', 'd4', 'secret', 'dead'])).toEqual([])
  expect(copies.all.length).toBeGreaterThan(25)
}, 120_000)

test('whichever write a broker is killed at, ends beyond their number are forgotten, the oldest first', async () => {
  const { opened, step } = await begin()
  const { queue, storage, jobs, append } = opened
  const most = BOUNDS.all.commands
  const ids = Array.from({ length: most + 4 }, (_, i) => `e${i}`)
  const sends = (re: string) => append(commandOf(opened, re), ['one'])
  const ends = () => storage.commit((unit) => queue.finish(unit, jobs.at(-1)!, { answer: undefined }))
  for (const re of ids.slice(0, most + 1)) {
    await sends(re)
    await ends()
  }
  states = [new Map(ids.slice(0, most + 1).map((re) => [`id ${re}`, 'no answer']))]
  copies.all.length = 0
  copies.step = 1
  for (const [i, re] of ids.slice(most + 1).entries()) {
    await step(() => sends(re), { [`id ${re}`]: 'no answer', [`command ${re}`]: 'one 1' })
    await step(ends, { [`command ${re}`]: undefined, [`id e${i}`]: undefined })
  }
  await close(opened)
  expect(copies.writes).toContain('queue remove')
  expect(await check(ids)).toEqual([])
}, 120_000)

test('whichever write a broker is killed at, handlers learn who is online, and who is not', async () => {
  const here = new Set<UserId>()
  const { opened, step } = await begin(here)
  const { presence } = opened
  const comes = (user: UserId) => () => {
    here.add(user)
    presence.connected(user)
  }
  const goes = (user: UserId) => () => {
    here.delete(user)
    presence.disconnected(user)
    jest.advanceTimersByTime(5_000)
  }
  for (const does of [comes(alice), comes(bob), goes(alice), comes(alice), goes(bob), goes(alice)]) await step(does)
  await close(opened)
  for (const write of ['present put', 'present remove']) expect(copies.writes).toContain(write)
  expect(await check([])).toEqual([]) // nobody has come back: all are told to be offline
  states = states.map(() => new Map([alice, bob].map((user) => [`online ${user}`, 'yes'])))
  expect(await check([], new Set([alice, bob]))).toEqual([])
}, 120_000)

test('whichever write a broker is killed at, retained messages and wills are the last that were promised', async () => {
  const { opened, step } = await begin()
  const { retained, storage, wills } = opened
  const retains = (topic: string, said: string, messageExpiry?: number) => () =>
    storage.commit((unit) =>
      retained.keep(unit, 'alice', {
        topic,
        payload: Buffer.from(said),
        qos: 1,
        ...(messageExpiry !== undefined && { messageExpiry }),
      }),
    )
  await step(retains('a/1', 'one'), { 'retained a/1': 'one' })
  await step(retains('a/1', 'two'), { 'retained a/1': 'two' })
  await step(retains('a/2', 'one'), { 'retained a/2': 'one' })
  await step(retains('a/1', ''), { 'retained a/1': undefined })
  const end = steady() + 50
  await step(retains('a/3', 'short', end), { 'retained a/3': '?' })
  while (steady() <= end) await new Promise(setImmediate)
  await step(() => retained.topicsOf('#'), { 'retained a/3': undefined })

  const token = {
    user: alice,
    expiresAt: Date.now() + AGES,
    jti: 'j',
    isOperator: false,
    name: undefined,
    acl: undefined,
  }
  const session = (client: string): DeviceSession => ({
    kind: 'device',
    id: `alice/${client}`,
    user: alice,
    client,
    token,
  })
  const keeps = (connection: number, client: string, said: string) => async () => {
    const message = { topic: 'act', payload: Buffer.from(said), qos: 1 as const, retain: false, isRetransmitted: false }
    const none = { expiry: undefined, correlation: undefined, responseTopic: undefined, contentType: undefined }
    const its = { ...message, ...none, isText: false, properties: {} }
    await wills.keep({ kind: 'will', connection, session: session(client), message: its, delay: AGES })
    wills.connected(connection, session(client).id)
  }
  await step(keeps(1, 'sent', 'farewell'), { 'will alice/sent': 'farewell' })
  await step(() => wills.due(1), {}, false) // it is sent, and no longer kept
  await step(keeps(2, 'void', 'nothing'), { 'will alice/void': 'nothing' })
  await step(() => wills.over(2), { 'will alice/void': undefined })
  await step(keeps(3, 'twice', 'first'), { 'will alice/twice': 'first' })
  await step(keeps(4, 'twice', 'second'), { 'will alice/twice': 'second' })
  await step(() => wills.renewed(session('twice')))
  await step(() => wills.waits(4))
  await step(() => wills.cancel('alice/twice'), { 'will alice/twice': undefined })
  await close(opened)

  for (const table of ['retained', 'wills']) {
    for (const what of ['put', 'remove']) expect(copies.writes).toContain(`${table} ${what}`)
  }
  expect(await check([])).toEqual([])
}, 120_000)
