import { expect, test } from '@jest/globals'
import { MAX_DEPTH, parseJsonObject, textFault } from './json.ts'

const parse = (text: string) => parseJsonObject(Buffer.from(text))
const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`

test.each([
  '{}',
  '{"a":1,"b":[{"a":1},{"a":[]},null,":{["]}',
  String.raw`{"quote":"\"","backslash":"\\","both":"\\\"","last":"{\"a\":1,\"a\":2}\\"}`,
  '{"":"","a:b":":::","c":{"a:b":1}}',
  '{"é":"€","😀":"\\ud83d\\ude00"}',
  nested(MAX_DEPTH),
])('reads %s as JSON.parse does', (text) => {
  expect(parse(text)).toEqual(JSON.parse(text))
  expect(textFault(text)).toBeUndefined()
})

test.each([
  ['{"a":1,"a":1}', 'holds a key twice'],
  ['{"b":[{"a":"\\"","a":{}}]}', 'holds a key twice'],
  ['{"a":1,"\\u0061":2}', 'holds a key twice'],
  ['{"__proto__":{}}', 'holds a key named __proto__'],
  ['{"\\u005f_proto__":1}', 'holds a key named __proto__'],
  ['{"a":"\\ud800"}', 'holds a lone surrogate'],
  [nested(MAX_DEPTH + 1), `is nested deeper than ${MAX_DEPTH} levels`],
  ['{"a":"', 'is not JSON'],
  ['{"a":"\\', 'is not JSON'],
  ['{"a":1', 'is not JSON'],
  ['[{"a":1}]', 'is not a JSON object'],
  ['"a"', 'is not a JSON object'],
  ['\ufeff{}', 'is not JSON'],
])('refuses %s: it %s', (text, why) => {
  expect(() => parse(text)).toThrow(new SyntaxError(why))
})

test('refuses what is not UTF-8', () => {
  expect(() => parseJsonObject(Uint8Array.of(0x7b, 0xff, 0x7d))).toThrow(new SyntaxError('is not UTF-8'))
})
