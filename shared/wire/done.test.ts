import { expect, test } from '@jest/globals'
import {
  encodeDone,
  MAX_EVENTS,
  MAX_LATER_COMMANDS,
  MAX_REASON,
  MAX_RECEIVERS,
  namedBy,
  parseDone,
  type Done,
} from './done.ts'
import { MAX_DEPTH } from './json.ts'
import { userIdOf } from './user-id.ts'

// Handler processes and the broker agree which `$done` is valid: at each bound, and beyond.

const alice = userIdOf('alice')
const delivery = { command: 'alice/7~1', attempt: 1 }
const told = { to: alice, event: 'told', fields: {} }
const done = (more: object): Done => ({ ...delivery, outcome: 'done', events: [told], ...more })
const refused = (more: object): Done => ({ ...delivery, outcome: 'refused', code: 'conflict', message: 'no', ...more })
const many = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)
const remind = { after_ms: 1, command: 'remind', input: {} }
const nested = (depth: number): object => (depth === 1 ? {} : { in: nested(depth - 1) })

const BOUNDS: [string, (beyond: 0 | 1) => Done][] = [
  ['later', (beyond) => done({ later: many(MAX_LATER_COMMANDS + beyond, remind) })],
  ['later', (beyond) => refused({ later: many(MAX_LATER_COMMANDS + beyond, remind) })],
  ['later.0.after_ms', (beyond) => done({ later: [{ ...remind, after_ms: 2_592_000_000 + beyond }] })],
  ['later.0.command', (beyond) => done({ later: [{ ...remind, command: 'a'.repeat(64 + beyond) }] })],
  ['nested', (beyond) => done({ later: [{ ...remind, input: nested(MAX_DEPTH + beyond) }] })],
  ['events', (beyond) => done({ events: many(MAX_EVENTS + beyond, told) })],
  ['events', (beyond) => refused({ events: many(MAX_EVENTS + beyond, told) })],
  ['events.0.to', (beyond) => done({ events: [{ ...told, to: many(MAX_RECEIVERS + beyond, alice) }] })],
  ['events.0.event', (beyond) => done({ events: [{ ...told, event: 'a'.repeat(64 + beyond) }] })],
  ['nested', (beyond) => done({ events: [{ ...told, fields: nested(MAX_DEPTH + beyond) }] })],
  ['lone surrogate', (beyond) => done({ events: [{ ...told, fields: { text: '😀'.slice(0, 2 - beyond) } }] })],
  ['lone surrogate', (beyond) => refused({ message: '😀'.slice(0, 2 - beyond) })],
  ['retry_after_ms', (beyond) => refused({ retry_after_ms: 0 - beyond })],
  [
    'reason',
    (beyond) => ({ ...delivery, outcome: 'retry', code: 'unavailable', reason: 'a'.repeat(MAX_REASON + beyond) }),
  ],
]
test.each(BOUNDS)('%s: the handler and the broker have the same bound', (what, end) => {
  const within = end(0)
  expect(parseDone(Buffer.from(encodeDone(within)))).toEqual(within)
  const beyond = end(1)
  const payload = Buffer.from(JSON.stringify(beyond))
  expect(() => encodeDone(beyond)).toThrow(what)
  expect(() => parseDone(payload)).toThrow(what)
  expect(namedBy(payload)).toMatchObject(delivery)
})

// prettier-ignore
test.each<[string, object]>([
  ['events.0.to',     { events: [{ to: 'alice_events', event: 'told', fields: {} }] }],
  ['events.0.to',     { events: [{ to: ['alice', 7], event: 'told', fields: {} }] }],
  ['events.0.to',     { events: [{ event: 'told', fields: {} }] }],
  ['events.0.event',  { events: [{ to: 'alice', fields: {} }] }],
  ['events.0.fields', { events: [{ to: 'alice', event: 'told' }] }],
  ['events.0.fields', { events: [{ to: 'alice', event: 'told', fields: [] }] }],
  ['attempt',         { events: [], attempt: 0 }],
  ['command',         { events: [], command: undefined }],
])('a handler process does not send an end with an invalid %s: %j', (what, wrong) => {
  expect(() => encodeDone({ ...delivery, outcome: 'done', ...wrong } as never)).toThrow(what)
})

test('does not name a delivery for what is not an end at all', () => {
  for (const text of ['', 'null', '[]', '{"command":7}', '"alice/7~1"']) {
    expect(namedBy(Buffer.from(text))).toBeUndefined()
  }
})

test('what an end does not have is refused, and what an event does not have is left out', () => {
  const more = (of: object, event: object): Buffer =>
    Buffer.from(JSON.stringify({ ...done({}), ...of, events: [{ ...told, ...event }] }))
  expect(() => parseDone(more({ more: 1 }, {}))).toThrow('more')
  expect(parseDone(more({}, { more: 1 }))).toEqual(done({}))
})
