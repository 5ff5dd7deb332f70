import { expect, test } from '@jest/globals'
import { tell, toldError } from './told-error.ts'

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLXRoYXQtaXMtc2VjcmV0'
const payload = {
  id: '7',
  text: 'meet me at noon',
  to: 'bob',
  pin: 4711,
  list: [{ 'a name of hers': true }],
  note: 'a "b"',
}

const TOLD: [string, string, string][] = [
  ['what is nobody’s secret', "Cannot read properties of undefined (reading 'text')", 'as it is'],
  ['a code’s own words', 'the note is in no book, 3 of 5', 'as it is'],
  ['a value of the payload', 'cannot store meet me at noon', 'cannot store [input]'],
  ['a short one, and not the words that hold it', 'no bob in bobsled', 'no [input] in bobsled'],
  ['a number of it', 'pin 4711 is wrong', 'pin [input] is wrong'],
  ['an inner name of it', 'unknown field a name of hers', 'unknown field [input]'],
  ['a value as JSON has it', 'cannot parse {note: a \\"b\\"}', 'cannot parse {note: [input]}'],
  [
    'quoted data',
    `Unexpected token 'm', "meet me a"... is not valid JSON`,
    `Unexpected token 'm', "…"... is not valid JSON`,
  ],
  ['a JWT', `refused ${JWT}`, 'refused [token]'],
  [
    'a URL with a password',
    'cannot reach mongodb://app:hunter2@db:27017/x',
    'cannot reach mongodb://[secret]@db:27017/x',
  ],
  ['a password', 'login failed, password=hunter2', 'login failed, password=[secret]'],
  ['a bearer', 'Authorization: Bearer abc', 'Authorization: [secret] [secret]'],
  ['a session description', 'bad sdp v=0\r\no=- 46117 2 IN IP4 10.0.0.7\r\n', 'bad sdp [sdp]'],
  ['a candidate', 'bad candidate:1 1 udp 1 10.0.0.7 9 typ host', 'bad [sdp]'],
  ['long random text', `no key ${'aB3-'.repeat(10)} here`, 'no key [secret] here'],
]
test.each(TOLD)('tells an error with %s', (_, message, told) => {
  expect(tell(new Error(message), payload).message).toBe(told === 'as it is' ? message : told)
})

test('tells where it happened and what caused it, within the bounds of a dead letter', () => {
  const cause = Object.assign(new TypeError('the disk is full'), { code: 'ENOSPC' })
  expect(tell(new Error('not stored', { cause }), {}).message).toBe('not stored; caused by: the disk is full')
  const told = tell(cause, payload)
  expect(told.name).toBe('TypeError [ENOSPC]')
  expect(told.stack).toMatch(/^at .*shared\/wire\/told-error\.test\.ts:\d+/)
  expect(told.stack).not.toContain('the disk')

  const huge = new Error(`${'x '.repeat(100_000)}\ud800`)
  huge.name = 'N'.repeat(1_000)
  huge.stack = `Error\n${'    at f (/a/b.ts:1:1)'.repeat(50_000)}`
  for (const thrown of [huge, 'a text', undefined, null, 7, { any: 'thing' }]) {
    const one = tell(thrown, { texts: Array.from({ length: 20_000 }, (__, i) => `value ${i}`) })
    expect(toldError.parse(one)).toEqual(one)
    expect(JSON.stringify(one).isWellFormed()).toBe(true)
  }
})
