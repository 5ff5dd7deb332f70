import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import type { OutgoingEvent } from '../../shared/wire/done.ts'
import { commandName } from '../../shared/wire/topic.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import type { Command } from '../session.ts'
import { memoryQueue } from './memory.ts'
import type { CommandQueue } from './queue.ts'

const WINDOW = 1_000
let queue: CommandQueue
let count = 0
beforeEach(() => {
  jest.useFakeTimers()
  queue = memoryQueue({ maxQueued: 3, windowMs: WINDOW })
})
afterEach(() => void jest.useRealTimers())

function commandOf(sub: string, re?: string, payload = '{}', stored = true): Command {
  return {
    id: `${sub}/${re ?? ''}~${count++}`,
    name: commandName('act'),
    user: userIdOf(sub),
    client: 'phone',
    payload: Buffer.from(payload),
    re,
    at: Date.now(),
    expiresAt: undefined,
    stored,
    traceparent: '',
    correlation: undefined,
    responseTopic: undefined,
  }
}
const answer: OutgoingEvent = { to: userIdOf('alice'), event: 'acted', fields: { n: 1 } }

test("knows a user's id again, with its answer when there is one, and only with the same payload", async () => {
  const command = commandOf('alice', 'a')
  expect(await queue.append(command, ['g'])).toEqual({ kind: 'new' })
  expect(await queue.append(commandOf('alice', 'a'), ['g'])).toEqual({ kind: 'repeat', answer: undefined })
  await queue.finish(command, 'g', answer)
  expect(await queue.append(commandOf('alice', 'a'), ['g'])).toEqual({ kind: 'repeat', answer })
  expect(await queue.append(commandOf('alice', 'a', '{"n":2}'), ['g'])).toEqual({ kind: 'conflict' })
  expect(await queue.append(commandOf('bob', 'a', '{"n":2}'), ['g'])).toEqual({ kind: 'new' })
})

test('keeps the answer of the owner when an observer ends later', async () => {
  const command = commandOf('alice', 'a')
  await queue.append(command, ['owner', 'observer'])
  await queue.finish(command, 'owner', answer)
  await queue.finish(command, 'observer')
  expect(await queue.append(commandOf('alice', 'a'), ['owner', 'observer'])).toEqual({ kind: 'repeat', answer })
})

test('forgets an id when its window is over, and not while the command is open', async () => {
  const command = commandOf('alice', 'a')
  await queue.append(command, ['g'])
  jest.advanceTimersByTime(10 * WINDOW)
  expect(await queue.append(commandOf('alice', 'a'), ['g'])).toMatchObject({ kind: 'repeat' })
  await queue.finish(command, 'g', answer)
  jest.advanceTimersByTime(WINDOW - 1)
  expect(await queue.append(commandOf('alice', 'a'), ['g'])).toMatchObject({ kind: 'repeat' })
  jest.advanceTimersByTime(1)
  expect(await queue.append(commandOf('alice', 'a'), ['g'])).toEqual({ kind: 'new' })
})

test('takes no more than it may hold, and again when all groups have ended one', async () => {
  const commands = ['a', 'b', 'c'].map((re) => commandOf('alice', re))
  for (const command of commands) await queue.append(command, ['one', 'two'])
  expect(await queue.append(commandOf('alice'), ['one'])).toEqual({ kind: 'full' })
  expect(await queue.append(commandOf('alice', 'a'), ['one'])).toMatchObject({ kind: 'repeat' })
  await queue.finish(commands[0]!, 'one', answer)
  expect(await queue.append(commandOf('alice'), ['one'])).toEqual({ kind: 'full' })
  await queue.finish(commands[0]!, 'two')
  expect(await queue.append(commandOf('alice'), ['one'])).toEqual({ kind: 'new' })
})

test('what is not to be stored takes no room', async () => {
  for (let i = 0; i < 5; i++) {
    expect(await queue.append(commandOf('alice', undefined, '{}', false), ['g'])).toEqual({ kind: 'new' })
  }
})
