import { beforeEach, expect, test } from '@jest/globals'
import { openLog } from '../log.ts'
import { MAX_LATER_COMMANDS, type Done } from '../wire/done.ts'
import { userIdOf } from '../wire/user-id.ts'
import { seal } from './seal.ts'

// Effects that the broker would refuse are a failed attempt at once, and the handler's log says why.

const lines: string[] = []
const log = openLog('info', 'test', { write: (line) => void lines.push(line) })
const told = { to: userIdOf('alice'), event: 'told', fields: {} }
const done = (more: object): Done => ({ command: 'alice/7~1', attempt: 2, outcome: 'done', events: [told], ...more })

beforeEach(() => {
  lines.length = 0
})

test('passes on an end that the broker accepts', () => {
  const { body, isRetry } = seal(done({}), 10_000, log)
  expect(JSON.parse(body)).toEqual(done({}))
  expect(isRetry).toBe(false)
  expect(lines).toEqual([])
})

const remind = { after_ms: 1, command: 'remind', input: {} }
test.each([
  [
    'too many later commands',
    { later: Array.from({ length: MAX_LATER_COMMANDS + 1 }, () => remind) },
    /later: Too big/,
  ],
  [
    'more than a packet',
    { events: [{ ...told, fields: { text: 'a'.repeat(10_000) } }] },
    /the broker accepts at most 10000/,
  ],
  ['half a character', { events: [{ ...told, fields: { text: '\ud83d' } }] }, /lone surrogate/],
  ['what is no JSON', { events: [{ ...told, fields: { count: 7n } }] }, /BigInt/],
])('%s: asks for another attempt', (_, more, why) => {
  const { body, isRetry } = seal(done(more), 10_000, log)
  expect(JSON.parse(body)).toEqual({ command: 'alice/7~1', attempt: 2, outcome: 'retry', code: 'internal' })
  expect(isRetry).toBe(true)
  expect(lines.join('')).toMatch(why)
})
