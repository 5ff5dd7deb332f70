import { expect, test } from '@jest/globals'
import { openLog } from '../log.ts'
import type { Stamp } from '../wire/stamp.ts'
import { userIdOf } from '../wire/user-id.ts'
import { Attempt } from './attempt.ts'

const lines: string[] = []
const log = openLog('info', 'test', { write: (line) => void lines.push(line) })
const stamp: Stamp = {
  'command-id': 'alice/7~1',
  'user-id': userIdOf('alice'),
  'client-id': 'phone',
  attempt: 2,
  at: '2026-11-28T10:00:00.000Z',
  traceparent: '',
  order: 12,
}

test('tells a handler who sent what', () => {
  const { from, command } = new Attempt('try_it', stamp, log)
  expect(from).toEqual({ user: 'alice', client: 'phone', clients: new Set() })
  expect(command).toEqual({ id: 'alice/7~1', attempt: 2, order: 12, at: new Date('2026-11-28T10:00:00Z') })
  expect(new Attempt('try_it', { ...stamp, clients: ['phone', 'web'] }, log).from.clients).toEqual(
    new Set(['phone', 'web']),
  )
})

test('aborts the signal, whether it was asked for before or after', () => {
  const attempt = new Attempt('try_it', stamp, log)
  const { signal } = attempt
  expect([signal.aborted, attempt.signal === signal]).toEqual([false, true])
  Attempt.abort(attempt)
  expect(signal.aborted).toBe(true)
  const late = new Attempt('try_it', stamp, log)
  Attempt.abort(late)
  expect(late.signal.aborted).toBe(true)
})

test('names the command in its log lines', () => {
  const { log: own } = new Attempt('try_it', stamp, log)
  own.info('runs')
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ command: 'try_it', id: 'alice/7~1', attempt: 2, msg: 'runs' })
})
