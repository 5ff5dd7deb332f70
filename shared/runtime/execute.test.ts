import { beforeEach, expect, test } from '@jest/globals'
import { z } from 'zod'
import { openLog } from '../log.ts'
import type { Store } from '../store/documents.ts'
import { refuse } from '../wire/refusal.ts'
import type { Stamp } from '../wire/stamp.ts'
import { userIdOf } from '../wire/user-id.ts'
import { command, event, later, type DeclaredCommand } from './command.ts'
import { execute, openWorkshop } from './execute.ts'

// How an attempt ends, and what the handler's log says about it.

const lines: string[] = []
const log = openLog('info', 'test', { write: (line) => void lines.push(line) })
const shop = openWorkshop({} as Store, {} as never, log)
const stamp: Stamp = {
  'command-id': 'alice/7~1',
  'user-id': userIdOf('alice'),
  'client-id': 'phone',
  attempt: 1,
  at: new Date().toISOString(),
  traceparent: '',
  order: 1,
}
const done = event('done', { n: z.number() })
const remind = later('remind', { n: z.number() })
const shape = { input: z.object({ n: z.number() }), events: { done } }
const runs = (one: DeclaredCommand, payload: object = { n: 7 }) =>
  execute('try_it', one, Buffer.from(JSON.stringify(payload)), stamp, shop)

beforeEach(() => {
  lines.length = 0
})

const failed = { outcome: 'retry', code: 'internal' }

test.each([
  ['no answer', {}],
  ['nothing', undefined],
  ['null', null],
])('fails the attempt of a handler that returns %s, and logs it', async (_, returned) => {
  expect(await runs(command({ ...shape, run: () => returned as never }))).toMatchObject(failed)
  expect(lines.join('')).toContain('the handler returned neither a reply nor a refusal')
})

test('a handler that declares no reply may return nothing, and must not return a reply', async () => {
  const silent = (returned: object) => command({ ...shape, replyTo: 'nobody', run: () => returned as never })
  expect(await runs(silent({}))).toMatchObject({ outcome: 'done', events: [] })
  expect(await runs(silent({ reply: done({ n: 7 }) }))).toMatchObject(failed)
  expect(lines.join('')).toContain('declares that nobody gets one')
})

test('a reply by an event that is declared, but not as a reply, fails the attempt: clients have no type for it', async () => {
  const other = event('other', {})
  const declared = { ...shape, events: { done, other } }
  const replies = (more: object) => command({ ...declared, ...more, run: () => ({ reply: other({}) }) })
  expect(await runs(replies({}))).toMatchObject(failed)
  expect(lines.join('')).toContain('the handler replied with other, but declares done; add it to `replies`')
  expect(await runs(replies({ replies: ['done', 'other'] }))).toMatchObject({ outcome: 'done' })
})

test('checks later commands when the handler returns them', async () => {
  const sends = (make: () => readonly [number, unknown]) =>
    command({ ...shape, later: { remind }, run: () => ({ reply: done({ n: 7 }), later: [make()] as never }) })
  const input = { n: 7 }
  expect(await runs(sends(() => [500, remind(input)]))).toMatchObject({
    outcome: 'done',
    later: [{ after_ms: 500, command: 'remind', input }],
  })
  const faults: [RegExp, () => readonly [number, unknown]][] = [
    [/expected number/, () => [500, remind({ n: 'seven' as never })]],
    [/expected number/, () => [500, { command: 'remind', input: { n: 'seven' } }]],
    [/the command no_such_command is not declared/, () => [500, { command: 'no_such_command', input }]],
    [/after -1 ms/, () => [-1, remind(input)]],
    [/after 0\.5 ms/, () => [0.5, remind(input)]],
    [/after 2592000001 ms/, () => [2_592_000_001, remind(input)]],
  ]
  for (const [says, make] of faults) {
    lines.length = 0
    expect(await runs(sends(make))).toMatchObject(failed)
    expect(lines.join('')).toMatch(says)
  }
})

test('does not tell the user of an internal command about a refusal or an invalid input', async () => {
  const internal = command({ ...shape, internal: 'later', run: () => Promise.reject(refuse('conflict')) })
  expect(await runs(internal)).toMatchObject(failed)
  expect(lines.join('')).toContain('conflict')
  lines.length = 0
  expect(await runs(internal, { n: 'seven' })).toMatchObject(failed)
  expect(lines.join('')).toMatch(/the stored input does not match the command's schema: n: /)
})

test("reports an error with its name and place, in the log and to the broker, without the command's payload", async () => {
  const fails = command({
    input: z.object({ text: z.string() }),
    events: { done },
    run: ({ text }) => Promise.reject(new TypeError(`no place for ${text}`)),
  })
  const end = await runs(fails, { text: 'a secret of hers' })
  expect(end).toMatchObject({ ...failed, error: { name: 'TypeError', message: 'no place for [input]' } })
  expect(lines.join('')).toMatch(/no place for \[input\].*execute\.test\.ts/)
  expect(lines.join('') + JSON.stringify(end)).not.toContain('a secret of hers')
})
