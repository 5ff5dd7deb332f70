import { expect, test } from '@jest/globals'
import { areTurnUris } from './turn-uris.ts'

test.each([
  'stun:stun.example.org',
  'stun:192.0.2.7:3478',
  'stuns:stun.example.org:5349',
  'turn:turn.example.org',
  'turn:turn.example.org:3478?transport=udp',
  'turn:[2001:db8::7]:3478?transport=tcp',
  'turns:turn.example.org:443?transport=tcp',
  'turn:coturn_1:3478',
])('%s is valid', (uri) => {
  expect(areTurnUris([uri])).toBe(true)
})

test.each([
  '',
  'turn:',
  'turn:?transport=udp',
  'turn://turn.example.org',
  'https://turn.example.org',
  'turn:alice@turn.example.org',
  'turn:turn.example.org:0',
  'turn:turn.example.org:65536',
  'turn:turn.example.org:',
  'turn:turn.example.org?transport=sctp',
  'turn:turn.example.org?transport=udp&x=1',
  'stun:stun.example.org?transport=udp',
  'turn:256.0.0.1',
  'turn:2001:db8::7',
  'turn:[2001:db8::7',
  'turn:[fe80::1%25eth0]',
  'turn:-turn.example.org',
  'turn:turn..example.org',
  'turn:turn example',
  `turn:${'a'.repeat(64)}.example.org`,
])('%p is invalid', (uri) => {
  expect(areTurnUris([uri])).toBe(false)
})

test('refuses a list with one invalid URI, and more than sixteen', () => {
  const uris = (count: number) => Array.from({ length: count }, (_, i) => `turn:turn${i}.example.org`)
  expect(areTurnUris(uris(16))).toBe(true)
  expect(areTurnUris(uris(17))).toBe(false)
  expect(areTurnUris([...uris(2), 'http://example.org'])).toBe(false)
})
