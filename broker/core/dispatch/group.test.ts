import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { commandWith } from '../../../test/command.ts'
import { busy } from '../../../shared/wire/member.ts'
import { MAX_BEGUN } from '../../../shared/wire/stamp.ts'
import { commandName } from '../../../shared/wire/topic.ts'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import type { Command, HandlerSession } from '../../seam/session.ts'
import { Group } from './group.ts'
import { Job, type Rule } from './job.ts'

const TTL = 1_000
const TIME_LIMIT = 100
const GRACE = 2_000

let group: Group
/** Who got what, as `member: command id attempt`. */
let given: string[]
let ended: string[]
let jobs: Map<string, Job>
let rules: Record<string, Partial<Rule>>
const banned = new Set<string>()

beforeEach(() => {
  jest.useFakeTimers()
  given = []
  ended = []
  jobs = new Map()
  banned.clear()
  rules = { read: { ordered: false } }
  group = new Group({
    load: () => true,
    putAway: () => {},
    rule: (command) => ({ ordered: true, timeoutMs: TIME_LIMIT, attempts: 3, ...rules[command] }),
    deliver(member, job) {
      const { id } = job.inHand!.command
      given.push(`${member.session.client}: ${id} ${job.attempt}`)
      jobs.set(id, job)
    },
    retried: () => {},
    dead: (job, code) => over(job, `dead ${code}`),
    mayRun: ({ user }) => !banned.has(user),
    expired: (job, code) => over(job, `expired ${code}`),
    queueTtlMs: TTL,
    retryDelayMs: 10,
  })
})
afterEach(() => {
  group.close()
  jest.useRealTimers()
})

function over(job: Job, how: string): void {
  ended.push(`${job.inHand!.command.id} ${how}`)
  group.end(job)
}

/** A new connection of a process, that takes these commands. */
function joins(
  client: string,
  { window = 10, takes = ['act', 'read'], keepsOrder = false, keepsTime = false } = {},
): HandlerSession {
  const id = `$handler/g/${client}`
  const session: HandlerSession = {
    kind: 'handler',
    id,
    group: 'g',
    client,
    rights: { commands: 'all', events: new Set<string>() },
    grants: { pub: [], sub: [] },
    keepsOrder,
    keepsTime,
  }
  for (const command of takes) group.consume(session, window, command, 0)
  return session
}

/** `alice1` is Alice's first command. */
function sends(id: string, name = 'act', more: Partial<Command> = {}): void {
  const user = userIdOf(id.replace(/\d+$/, ''))
  const command = commandWith({ id, order: 0, user, name: commandName(name), ...more })
  const job = new Job(command, 'g', 0)
  job.inHand = { command, key: undefined }
  group.accept(job)
}

/** Deliveries of first attempts, as a member names those that it gives back. */
const back = (...ids: string[]) => ids.map((command) => ({ command, attempt: 1 }))
const ends = (id: string): void => group.end(jobs.get(id)!)
const fails = (id: string): void => group.retry(jobs.get(id)!, 'internal')

test('gives each command to the member with the least in flight', () => {
  joins('one')
  joins('two')
  for (const id of ['alice1', 'bob1', 'carl1']) sends(id)
  expect(given).toEqual(['one: alice1 1', 'two: bob1 1', 'one: carl1 1'])
  ends('alice1')
  ends('carl1')
  sends('dora1')
  expect(given.at(-1)).toBe('one: dora1 1')
})

test('gives no member more than its window; the next command goes out when one has ended', () => {
  joins('one', { window: 2 })
  for (const id of ['alice1', 'bob1', 'carl1', 'dora1']) sends(id)
  expect(given).toHaveLength(2)
  ends('bob1')
  expect(given).toEqual(['one: alice1 1', 'one: bob1 1', 'one: carl1 1'])
})

test("runs one user's commands in order, one at a time, while others' commands go on", () => {
  joins('one')
  for (const id of ['alice1', 'alice2', 'alice3', 'bob1']) sends(id)
  expect(given).toEqual(['one: alice1 1', 'one: bob1 1'])
  ends('alice1')
  ends('alice2')
  ends('alice3')
  expect(given.slice(2)).toEqual(['one: alice2 1', 'one: alice3 1'])
})

test('lets commands that need no order overtake', () => {
  joins('one')
  sends('alice1')
  sends('alice2', 'read')
  sends('alice3', 'read')
  expect(given).toEqual(['one: alice1 1', 'one: alice2 1', 'one: alice3 1'])
})

test("retries after a growing pause, which holds back only that user's later commands", () => {
  joins('one')
  for (const id of ['alice1', 'alice2', 'bob1']) sends(id)
  fails('alice1')
  expect(given).toEqual(['one: alice1 1', 'one: bob1 1'])
  jest.advanceTimersByTime(10)
  fails('alice1')
  jest.advanceTimersByTime(9)
  expect(given.at(-1)).toBe('one: alice1 2')
  jest.advanceTimersByTime(11)
  expect(given.at(-1)).toBe('one: alice1 3')
  fails('alice1')
  expect(ended).toEqual(['alice1 dead internal'])
  expect(given.at(-1)).toBe('one: alice2 1')
})

test('tries a command at QoS 0 only once', () => {
  joins('one')
  sends('alice1', 'act', { stored: false })
  fails('alice1')
  expect(ended).toEqual(['alice1 dead internal'])
})

test('gives up on a silent member after the time limit and a grace period, and on the command after its attempts', () => {
  joins('one')
  sends('alice1')
  jest.advanceTimersByTime(TIME_LIMIT + GRACE - 1)
  expect(given).toHaveLength(1)
  jest.advanceTimersByTime(1 + 10)
  expect(given.at(-1)).toBe('one: alice1 2')
  jest.advanceTimersByTime(2 * (TIME_LIMIT + GRACE + 20))
  expect(ended).toEqual(['alice1 dead timeout'])
})

test('gives the commands of a lost member to another at once, and ignores the lost one', () => {
  const one = joins('one')
  sends('alice1')
  const two = joins('two')
  group.lost(one)
  expect(given).toEqual(['one: alice1 1', 'two: alice1 2'])
  expect(group.held(one, 'alice1')).toBeUndefined()
  expect(group.held(two, 'alice1', 1)).toBeUndefined()
  expect(group.held(two, 'alice1', 2)).toBe(jobs.get('alice1'))
})

test('a client that reconnects before the loss of its old connection is noticed is a new member', () => {
  const before = joins('one')
  sends('alice1')
  const now = joins('one')
  expect(given).toEqual(['one: alice1 1', 'one: alice1 2'])
  expect(group.held(now, 'alice1')).toBeDefined()
  group.lost(before) // late
  expect(group.members).toBe(1)
  expect(group.held(now, 'alice1')).toBeDefined()
})

test('a member that stops consuming keeps what it holds; other members get the rest', () => {
  const one = joins('one')
  sends('alice1')
  for (const command of ['act', 'read']) group.stopConsuming(one, command)
  sends('bob1')
  expect(group.has('act')).toBe(false)
  expect(group.held(one, 'alice1')).toBeDefined()
  joins('two')
  expect(given).toEqual(['one: alice1 1', 'two: bob1 1'])
})

test('keeps commands for an absent group, in order, and ends them when no member comes', () => {
  sends('alice1')
  sends('bob1')
  jest.advanceTimersByTime(TTL - 1)
  joins('one', { takes: ['act'] })
  expect(given).toEqual(['one: alice1 1', 'one: bob1 1'])
  sends('carl1', 'read')
  jest.advanceTimersByTime(TTL)
  expect(ended).toEqual(['carl1 expired unavailable'])
})

test('uses one timer for all waiting commands, and ends those that no member came for, a bounded number per turn', () => {
  for (let i = 0; i < 3_000; i++) sends(`user${i % 7}x${i}`)
  expect(jest.getTimerCount()).toBe(1)
  jest.advanceTimersByTime(TTL - 1)
  expect(ended).toEqual([])
  jest.advanceTimersByTime(2)
  expect(ended.length).toBeGreaterThan(0)
  expect(ended.length).toBeLessThan(2_000)
  jest.advanceTimersByTime(20)
  expect(ended).toHaveLength(3_000)
  expect(group.size).toBe(0)
})

test('reports what a command that was put off waits for, damage first, until it goes on', () => {
  joins('one')
  for (const id of ['alice1', 'bob1', 'carl1']) sends(id)
  const putOff = (id: string, reason: string, damaged: boolean): void =>
    group.retry(jobs.get(id)!, 'unavailable', { lack: { reason, damaged } })
  putOff('alice1', 'no database', false)
  putOff('bob1', 'a broken file', true)
  expect(group.lacks).toEqual({ reason: 'a broken file', damaged: true })
  jest.advanceTimersByTime(100)
  ends('bob1')
  expect(group.lacks).toEqual({ reason: 'no database', damaged: false })
  fails('alice1')
  expect(group.lacks).toBeUndefined()
})

test('a command at QoS 0 does not wait', () => {
  sends('alice1', 'act', { stored: false })
  expect(ended).toEqual(['alice1 expired unavailable'])
})

test('does not run an expired command, wherever it waits', () => {
  joins('one')
  sends('alice1')
  sends('alice2', 'act', { expiresAt: Date.now() + 50 })
  sends('alice3')
  jest.advanceTimersByTime(50)
  expect(ended).toEqual(['alice2 expired timeout'])
  ends('alice1')
  expect(given).toEqual(['one: alice1 1', 'one: alice3 1'])
})

test.each([false, true])(
  'what a user who is banned had sent does not run; what had begun does (order kept: %s)',
  (keepsOrder) => {
    joins('one', { keepsOrder, takes: ['act'] })
    sends('mallory1')
    banned.add('mallory')
    sends('mallory2')
    sends('mallory3', 'read')
    sends('alice1')
    ends('mallory1')
    joins('two', { takes: ['read'] })
    expect(ended).toEqual(expect.arrayContaining(['mallory2 expired forbidden', 'mallory3 expired forbidden']))
    expect(given).toEqual(['one: mallory1 1', 'one: alice1 1'])
  },
)

test('does not retry a command whose user was banned in the meantime', () => {
  joins('one')
  sends('mallory1')
  banned.add('mallory')
  group.retry(jobs.get('mallory1')!, 'internal')
  jest.advanceTimersByTime(10)
  expect(ended).toEqual(['mallory1 expired forbidden'])
  expect(given).toHaveLength(1)
})

test('a timer that fires a millisecond early ends no command for the wrong reason', () => {
  sends('alice1', 'act', { expiresAt: Date.now() + 50 })
  jest.setSystemTime(Date.now() - 1)
  jest.advanceTimersByTime(50)
  expect(ended).toEqual([])
  jest.advanceTimersByTime(1)
  expect(ended).toEqual(['alice1 expired timeout'])
})

test('sends several commands of a user to one member, if it keeps their order', () => {
  joins('one', { keepsOrder: true })
  joins('two', { keepsOrder: true })
  for (const id of ['alice1', 'alice2', 'alice3', 'bob1']) sends(id)
  expect(given).toEqual(['one: alice1 1', 'one: alice2 1', 'one: alice3 1', 'two: bob1 1'])
})

test('sends no more commands of a user than the handler remembers', () => {
  joins('one', { keepsOrder: true, window: 100 })
  for (let i = 1; i <= MAX_BEGUN + 2; i++) sends(`alice${i}`)
  expect(given).toHaveLength(MAX_BEGUN)
  ends('alice1')
  expect(given.at(-1)).toBe(`one: alice${MAX_BEGUN + 1} 1`)
})

test('takes back the commands behind a failed one and sends them after it, as if they had never been sent', () => {
  const one = joins('one', { keepsOrder: true })
  for (const id of ['alice1', 'alice2', 'alice3']) sends(id)
  ends('alice1')
  const before = jobs.get('alice2')!.lane!.generation
  fails('alice2')
  sends('alice4')
  expect(group.held(one, 'alice3')).toBeUndefined()
  expect(given).toHaveLength(3)
  jest.advanceTimersByTime(10)
  expect(given.slice(3)).toEqual(['one: alice2 2', 'one: alice3 1', 'one: alice4 1'])
  expect(jobs.get('alice2')!.lane!.generation).toBeGreaterThan(before)
})

test('starts the time limit of a command when its turn comes', () => {
  joins('one', { keepsOrder: true })
  for (const id of ['alice1', 'alice2']) sends(id)
  jest.advanceTimersByTime(TIME_LIMIT + GRACE - 1)
  ends('alice1')
  jest.advanceTimersByTime(TIME_LIMIT + GRACE - 1)
  expect(given).toHaveLength(2)
  jest.advanceTimersByTime(1 + 10)
  expect(given.at(-1)).toBe('one: alice2 2')
})

test('gives a lost member’s commands to another in order, except those whose end is being stored', () => {
  const one = joins('one', { keepsOrder: true })
  for (const id of ['alice1', 'alice2', 'alice3']) sends(id)
  jobs.get('alice1')!.ending = true
  joins('two', { keepsOrder: true })
  group.lost(one)
  expect(given).toHaveLength(3)
  ends('alice1')
  expect(given.slice(3)).toEqual(['two: alice2 2', 'two: alice3 1'])
})

test('a command with which handlers die runs alone, so that it takes no others with it', () => {
  joins('one', { window: 1 })
  sends('poison1')
  for (const client of ['two', 'three']) {
    group.lost(jobs.get('poison1')!.member!.session)
    joins(client)
  }
  sends('alice1')
  expect(given.at(-1)).toBe('three: poison1 3')
  group.lost(jobs.get('poison1')!.member!.session)
  expect(ended).toEqual(['poison1 dead internal'])
  joins('four')
  expect(given.at(-1)).toBe('four: alice1 1')
})

test('a command waits for what its handler lacks as long as for an absent group, without losing attempts', () => {
  joins('one')
  sends('alice1')
  const began = Date.now()
  for (let i = 0; ended.length === 0; i++) {
    group.retry(jobs.get('alice1')!, 'unavailable')
    jest.advanceTimersByTime(50 * 2 ** i)
    if (Date.now() < began + TTL) expect(given.at(-1)).toBe('one: alice1 1')
  }
  expect(given.length).toBeGreaterThan(4)
  expect(ended).toEqual(['alice1 expired unavailable'])
})

test('moving the clock ahead by an hour ends no wait', () => {
  joins('one')
  sends('alice1')
  jest.setSystemTime(Date.now() + 3_600_000)
  group.retry(jobs.get('alice1')!, 'unavailable')
  jest.advanceTimersByTime(60)
  expect(ended).toEqual([])
  expect(given.at(-1)).toBe('one: alice1 1')
})

test('a full member does not hold up commands that another consumes', () => {
  joins('slow', { window: 1, takes: ['read'] })
  joins('quick', { takes: ['act'] })
  for (const id of ['alice1', 'bob1']) sends(id, 'read')
  sends('carl1')
  expect(given).toEqual(['slow: alice1 1', 'quick: carl1 1'])
})

test('a command that waits for its next attempt leaves its place to others', () => {
  joins('one', { window: 1 })
  for (const id of ['alice1', 'bob1']) sends(id)
  fails('alice1')
  expect(given).toEqual(['one: alice1 1', 'one: bob1 1'])
})

test('a user who sends without end does not keep others waiting: their later commands go when no others wait', () => {
  joins('one', { keepsOrder: true, window: 4 })
  for (let i = 1; i <= 6; i++) sends(`alice${i}`)
  for (const id of ['bob1', 'carl1', 'dora1']) sends(id)
  expect(given).toHaveLength(4) // all hers
  for (let i = 1; i <= 3; i++) ends(`alice${i}`)
  expect(given.slice(4)).toEqual(['one: bob1 1', 'one: carl1 1', 'one: dora1 1'])
  for (const id of ['bob1', 'alice4']) ends(id)
  expect(given.slice(7)).toEqual(['one: alice5 1', 'one: alice6 1'])
})

test('commands that a busy member has not begun go to another in order, as if never sent, and the busy one gets no more', () => {
  const one = joins('one', { keepsOrder: true })
  for (const id of ['alice1', 'alice2', 'alice3', 'bob1', 'carl1']) sends(id)
  const before = jobs.get('alice2')!.lane!.generation
  expect(group.busy(one, { busy: true, back: back('alice2', 'alice3', 'bob1') })).toBe(true) // it has begun alice1 and carl1
  expect(group.held(one, 'alice3')).toBeUndefined()
  expect(given).toHaveLength(5)
  joins('two', { keepsOrder: true })
  sends('dora1')
  expect(given.slice(5)).toEqual(['two: bob1 1', 'two: dora1 1'])
  ends('alice1')
  expect(given.slice(7)).toEqual(['two: alice2 1', 'two: alice3 1'])
  expect(jobs.get('alice2')!.lane!.generation).toBe(before) // a failure of alice1 would have held them back at `one`
})

test('a busy member that is alone gets the waiting commands, stored or not, when it is free again', () => {
  const one = joins('one', { keepsOrder: true })
  for (const id of ['alice1', 'alice2', 'bob1']) sends(id)
  group.busy(one, { busy: true, back: back('alice2', 'bob1') })
  sends('carl1', 'read', { stored: false })
  jest.advanceTimersByTime(TTL * 2)
  expect(given).toHaveLength(3)
  expect(group.has('read')).toBe(true)
  expect(group.busy(one, { busy: false, back: [] })).toBe(true)
  expect(given.slice(3).toSorted()).toEqual(['one: alice2 1', 'one: bob1 1', 'one: carl1 1'])
  expect(group.busy(one, { busy: false, back: [] })).toBe(false)
  expect(ended).toEqual([])
})

test('a stuck member counts as absent until it is free again', () => {
  const one = joins('one', { keepsOrder: true })
  sends('alice1')
  group.busy(one, { busy: true, back: [] })
  sends('bob1', 'act', { stored: false })
  sends('carl1')
  expect([group.has('act'), ended]).toEqual([true, []])
  group.busy(one, { busy: true, back: back('alice1'), stuck: { command: 'act', over_ms: 2_000 } })
  expect([group.has('act'), ended]).toEqual([false, ['bob1 expired unavailable']])
  joins('two')
  expect(given.slice(1)).toEqual(['two: carl1 1', 'two: alice1 1'])
  group.busy(one, { busy: false, back: [] })
  for (const id of ['dora1', 'emil1']) sends(id)
  expect(given.at(-1)).toMatch(/^one/)
})

test('a session that is not a member, or no longer, gives nothing back', () => {
  const before = joins('one')
  sends('alice1')
  joins('one')
  expect(group.busy(before, { busy: true, back: back('alice1') })).toBeUndefined()
  expect(given).toEqual(['one: alice1 1', 'one: alice1 2'])
})

test('an attempt that is given back late, when the same member has begun another, stays begun', () => {
  const one = joins('one', { keepsOrder: true })
  sends('alice1')
  fails('alice1')
  jest.advanceTimersByTime(10)
  expect(given.at(-1)).toBe('one: alice1 2')
  group.busy(one, { busy: true, back: back('alice1') })
  expect(group.held(one, 'alice1', 2)).toBe(jobs.get('alice1'))
})

test('an older process, which names no attempt, gives back what it holds', () => {
  const one = joins('one')
  sends('alice1')
  group.busy(one, busy.parse({ busy: true, back: ['alice1'] }))
  expect(group.held(one, 'alice1')).toBeUndefined()
})

test('sets no time limit for a member that keeps time', () => {
  const one = joins('one', { keepsTime: true })
  sends('alice1')
  jest.advanceTimersByTime(10 * (TIME_LIMIT + GRACE))
  expect(group.held(one, 'alice1', 1)).toBeDefined()
  expect(given).toHaveLength(1)
})
