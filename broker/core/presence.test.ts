import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { openLog } from '../../shared/log.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { Presence } from './presence.ts'
import { openLmdb } from '../storage/lmdb.ts'
import type { Storage } from '../storage/storage.ts'

const alice = userIdOf('alice')

let dir: string
let storage: Storage
beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] })
  dir = await mkdtemp(join(tmpdir(), 'switchboard-'))
  storage = openLmdb(join(dir, 'broker.lmdb'))
})
afterEach(async () => {
  jest.useRealTimers()
  await storage.close()
  await rm(dir, { recursive: true })
})

/** A broker's presence: what it tells, and what becomes of the telling. */
function presence(isThere: () => boolean, telling: (told: boolean) => Promise<void> = async () => {}) {
  const told: boolean[] = []
  const changed = (_: unknown, online: boolean): Promise<void> => {
    told.push(online)
    return telling(online)
  }
  const one = new Presence({ storage, isThere, changed, log: openLog('silent', 'test') })
  /** Resolves when it has told so much, or does not in 15 seconds; the clock of its timers stands still. */
  async function tells(times: number): Promise<boolean[]> {
    for (const end = Date.now() + 15_000; told.length < times && Date.now() < end;) await new Promise(setImmediate)
    return told
  }
  return { one, tells }
}

const killed = () => new Promise<never>(() => {})

test('a broker killed right after telling that a user is online tells after its restart that they are offline', async () => {
  const first = presence(() => true, killed)
  first.one.connected(alice)
  await first.tells(1)
  const second = presence(() => false)
  jest.advanceTimersByTime(15_000)
  expect(await second.tells(1)).toEqual([false])
  await second.one.close()
})

test('a broker killed before it could tell that does so when the user is back', async () => {
  const first = presence(() => true, killed)
  first.one.connected(alice)
  await first.tells(1)
  const second = presence(() => true)
  second.one.connected(alice)
  expect(await second.tells(1)).toEqual([true])
  await second.one.close()

  const third = presence(() => true) // which was told, and so tells nothing
  third.one.connected(alice)
  jest.advanceTimersByTime(15_000)
  await third.one.close()
  expect(await third.tells(0)).toEqual([])
})

test('a user who goes while their arrival cannot be told is told to be offline', async () => {
  let isThere = true
  let fails = 1
  const { one, tells } = presence(
    () => isThere,
    () => (fails-- > 0 ? Promise.reject(new Error('the queue is full')) : Promise.resolve()),
  )
  one.connected(alice)
  await tells(1)
  await new Promise(setImmediate)
  isThere = false
  one.disconnected(alice)
  jest.advanceTimersByTime(5_000)
  expect(await tells(2)).toEqual([true, false])
  await one.close()
})
