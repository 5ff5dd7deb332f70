import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LaterCommands } from '../../shared/wire/done.ts'
import { userIdOf, type UserId } from '../../shared/wire/user-id.ts'
import { commandWith } from '../../test/command.ts'
import { openLmdb } from '../storage/lmdb.ts'
import type { Storage } from '../storage/storage.ts'
import { Later } from './later.ts'
import { openQueue } from './queue/durable-queue.ts'
import type { CommandQueue } from './queue/queue.ts'

const [alice, bob] = [userIdOf('alice'), userIdOf('bob')]
const HOUR = 3_600_000
/** Commands that one user may have, and all together. */
const [EACH, ALL] = [3, 8]

let dir: string
let storage: Storage
let queue: CommandQueue
let later: Later
let sent: unknown[]
let isRefused: boolean

beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] })
  dir = await mkdtemp(join(tmpdir(), 'later-'))
  sent = []
  isRefused = false
  await begins()
})
afterEach(async () => {
  jest.useRealTimers()
  await ends()
  await rm(dir, { recursive: true })
})

async function begins(): Promise<void> {
  storage = openLmdb(join(dir, 'broker.lmdb'))
  queue = await openQueue(storage, {
    all: { commands: ALL, bytes: 1e6 },
    perUser: { commands: EACH, bytes: 1e6 },
    remembered: { bytes: 1e6, perUser: 1e6 },
    windowMs: HOUR,
  })
  later = new Later({
    storage,
    queue,
    ownerOf: () => 'calls',
    async send(_user, _name, input) {
      if (isRefused) throw new Error('full')
      sent.push(input)
    },
  })
  later.resume()
}
async function ends(): Promise<void> {
  await later.close()
  await storage.close()
}

/** Schedules commands of a user, numbered. */
async function schedules(user: UserId, after_ms: number, ...numbers: number[]): Promise<void> {
  const wanted: LaterCommands = numbers.map((n) => ({ after_ms, command: 'end_call', input: { n } }))
  await storage.commit((unit) => later.add(unit, user, wanted, false))
}

/** Whose share has no room for a command of this user; undefined when it is taken. */
async function fullFor(user: UserId): Promise<string | undefined> {
  const order = queue.nextOrder()
  const appended = await queue.append(commandWith({ id: `${user}/~${order}`, order, user, stored: false }), ['calls'])
  if (appended.kind !== 'new') return appended.kind === 'full' ? appended.share : appended.kind
  await storage.commit((unit) => queue.finish(unit, appended.jobs[0]!))
  return undefined
}

async function passes(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms)
  for (let i = 0; i < 4; i++) {
    await new Promise(setImmediate)
    await storage.commit(() => {})
  }
}

test('scheduled commands take room of their user until they are sent, over a restart too', async () => {
  await schedules(alice, HOUR, 1, 2, 3)
  expect(await fullFor(alice)).toBe('user')
  expect(await fullFor(bob)).toBeUndefined()
  await ends()
  await begins()
  expect(later.size).toBe(3)
  expect(await fullFor(alice)).toBe('user')
  await passes(HOUR)
  expect(sent).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  expect(later.size).toBe(0)
  expect(await fullFor(alice)).toBeUndefined()
})

test('scheduled commands take room of all', async () => {
  await schedules(alice, HOUR, 1, 2, 3)
  await schedules(bob, HOUR, 4, 5, 6)
  await schedules(userIdOf('carol'), HOUR, 7, 8)
  expect(await fullFor(userIdOf('dave'))).toBe('all')
})

test('a scheduled command that is refused is sent again, ever less often, and keeps its room', async () => {
  isRefused = true
  await schedules(alice, 1_000, 1, 2, 3)
  await passes(1_000)
  expect(await fullFor(alice)).toBe('user')
  await passes(1_000) // the second try
  isRefused = false
  await passes(1_900)
  expect(sent).toEqual([])
  await passes(100)
  expect(sent).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  expect(await fullFor(alice)).toBeUndefined()
})
