import { expect, test } from '@jest/globals'
import { stamp, stampOf } from './stamp.ts'

const whole = {
  'command-id': 'alice/7~1',
  'user-id': 'alice',
  'client-id': 'phone',
  attempt: '1',
  at: '2026-11-28T10:00:00.000Z',
  traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`,
  order: '12',
}

// prettier-ignore
test.each<[string, object]>([
  ['whole',                        {}],
  ['with a lane',                  { lane: '3' }],
  ['with clients',                 { clients: '["phone","web"]' }],
  ['with clients that are none',   { clients: '{}' }],
  ['with another property',        { colour: 'red' }],
  ['of the last day of a month',   { at: '2026-10-31T23:59:59.999Z' }],
  ['of a day that does not exist', { at: '2026-02-30T10:00:00.000Z' }],
  ['without milliseconds',         { at: '2026-11-28T10:00:00Z' }],
  ['with a time of its own',       { at: 'now' }],
  ['at order 0',                   { order: '0' }],
  ['with a lane of 0',             { lane: '0' }],
  ['at attempt 0',                 { attempt: '0' }],
  ['with an attempt in hex',       { attempt: '0x10' }],
  ['with half an attempt',         { attempt: '1.5' }],
  ['with too large an order',      { order: '9'.repeat(20) }],
  ['of nobody',                    { 'user-id': undefined }],
  ['of somebody impossible',       { 'user-id': 'alice_events' }],
  ['with two ids',                 { 'command-id': ['a', 'b'] }],
])('reads a stamp %s as the schema does', (_, change) => {
  const properties = { ...whole, ...change }
  expect(stampOf(properties)).toEqual(stamp.safeParse(properties).data)
})

test('accepts a complete stamp', () => {
  expect(stampOf({ ...whole, lane: '3' })).toMatchObject({ 'user-id': 'alice', attempt: 1, order: 12, lane: 3 })
})
