import { expect, test } from '@jest/globals'
import { originOf } from './origin.ts'

test.each([
  ['https://chat.example.com', 'https://chat.example.com:443'],
  ['https://chat.example.com', 'HTTPS://Chat.Example.COM'],
  ['https://chat.example.com', 'https://chat.example.com/'],
  ['http://chat.example.com', 'http://chat.example.com:80'],
  ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ['https://[::1]:8443', 'https://[0:0:0:0:0:0:0:1]:8443'],
  ['capacitor://localhost', 'capacitor://LOCALHOST'],
  ['null', 'null'],
])('%s and %s are the same origin', (one, other) => {
  expect(originOf(one)).toBeDefined()
  expect(originOf(one)).toBe(originOf(other))
})

test.each([
  ['https://chat.example.com', 'http://chat.example.com'],
  ['https://chat.example.com', 'https://chat.example.com:8443'],
  ['https://chat.example.com', 'https://chat.example.com:80'],
  ['https://chat.example.com', 'https://example.com'],
  ['https://chat.example.com', 'https://chat.example.com.'],
  ['https://chat.example.com', 'null'],
])('%s and %s are different origins', (one, other) => {
  expect(originOf(one)).not.toBe(originOf(other))
})

test.each([
  '',
  '*',
  'chat.example.com',
  'https://',
  'https://*.example.com/x',
  'https://chat.example.com/app',
  'https://chat.example.com?x',
  'https://me@chat.example.com',
  'https://chat.example.com:99999',
  'https://a b',
  'file:///etc',
  'NULL',
  'https://one.example https://two.example',
])('%j is not an origin', (text) => {
  expect(originOf(text)).toBeUndefined()
})
