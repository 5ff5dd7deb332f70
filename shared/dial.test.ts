import { expect, test } from '@jest/globals'
import { dialled, dialledAlone } from './dial.ts'

test.each([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '[::1]'],
  ['0:0:0:0:0:0:0:0', '[::1]'],
  ['::1', '[::1]'],
  ['2001:DB8:0::7', '[2001:db8::7]'],
  ['10.0.0.1', '10.0.0.1'],
  ['chat.example.org', 'chat.example.org'],
])('dials a server that listens on %s at %s', (host, expected) => {
  expect(dialled(host)).toBe(expected)
  expect(new URL(`https://${dialled(host)}:8883`).port).toBe('8883')
  expect(dialledAlone(host)).toBe(expected.replace(/[[\]]/g, ''))
})
