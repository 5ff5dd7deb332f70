import { expect, test } from '@jest/globals'
import { checkBody, maxDescription, withoutPrivate, type SignalType } from './signal-body.ts'

const SDP = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n'
const MAX_BYTES = 65_536
const candidate = (address: string, rest = 'typ host generation 0'): string =>
  `candidate:842163049 1 udp 1677729535 ${address} 46154 ${rest}`

test.each<[SignalType, unknown]>([
  ['offer', SDP],
  ['offer', { type: 'offer', sdp: SDP }],
  ['answer', { sdp: SDP.replaceAll('\r', '') }],
  ['candidate', { candidate: candidate('203.0.113.9'), sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'abcd' }],
  ['candidate', candidate('203.0.113.9', 'typ srflx raddr 10.0.0.1 rport 5000')],
  ['candidate', candidate('7a2b4c1e-5a3c-4f0e-9d42-1f2e3d4c5b6a.local')],
  ['candidate', candidate('2001:db8::1', 'typ relay raddr :: rport 0')],
  ['candidate', { candidate: '', sdpMid: null, sdpMLineIndex: null }],
  ['candidate', { candidate: null }],
  ['candidate', { candidate: null, sdpMid: '0' }],
  ['candidate', { candidate: { candidate: candidate('203.0.113.9'), sdpMid: '0', sdpMLineIndex: 0 } }],
  ['candidate', { type: 'candidate', candidate: { candidate: '', sdpMid: null } }],
  ['offer', { sdp: { type: 'offer', sdp: SDP } }],
  ['answer', `${SDP}${'a=x\r\n'.repeat(9_000)}`],
  ['candidate', null],
  ['candidate', undefined],
  ['bye', undefined],
  ['busy', { reason: 'in another call' }],
])('%s takes a valid body (%#)', (type, body) => {
  expect(() => checkBody(type, body, MAX_BYTES)).not.toThrow()
})

test.each<[SignalType, unknown]>([
  ['offer', undefined],
  ['offer', null],
  ['offer', ''],
  ['offer', 'hello'],
  ['offer', { type: 'answer', sdp: SDP }],
  ['offer', { sdp: 7 }],
  ['offer', 'v=0\r\nhello\r\n'],
  ['offer', `${SDP}<script>\r\n`],
  ['offer', { sdp: { type: 'answer', sdp: SDP } }],
  ['offer', { sdp: { sdp: { sdp: SDP } } }],
  ['candidate', 'hello'],
  ['candidate', { candidate: 'candidate:1 1 carrier-pigeon 1 1.2.3.4 5 typ host' }],
  ['candidate', { candidate: candidate('203.0.113.9'), sdpMLineIndex: -1 }],
  ['candidate', { candidate: candidate('203.0.113.9'), sdpMid: { $gt: '' } }],
  ['candidate', { candidate: { candidate: { candidate: candidate('203.0.113.9') } } }],
  ['candidate', { candidate: null, sdpMLineIndex: -1 }],
  ['candidate', {}],
  ['candidate', []],
])('%s refuses an invalid body (%#)', (type, body) => {
  expect(() => checkBody(type, body, MAX_BYTES)).toThrow(expect.objectContaining({ code: 'bad_payload' }))
})

test.each<[SignalType, unknown, string]>([
  ['answer', `${SDP}${'a=x\r\n'.repeat(10_000)}`, '65536 bytes'],
  ['candidate', { candidate: 'x'.repeat(1_100) }, '1000 characters'],
  ['bye', 'x'.repeat(5_000), '4000 characters'],
])('a %s that is too large is refused with its bound (%#)', (type, body, bound) => {
  expect(() => checkBody(type, body, MAX_BYTES)).toThrow(
    expect.objectContaining({ code: 'too_large', fields: { body: `is larger than ${bound}` } }),
  )
})

test('a description may be as large as a command, and fits into a packet twice', () => {
  const settings = { access: 'contacts', ringMs: 1, hidesPrivate: false } as const
  expect(maxDescription({ ...settings, commandBytes: 65_536, answerBytes: 131_072 })).toBe(65_536)
  expect(maxDescription({ ...settings, commandBytes: 262_144, answerBytes: 131_072 })).toBeLessThan(131_072)
})

test.each([
  '10.1.2.3',
  '192.168.1.5',
  '172.16.0.1',
  '169.254.3.4',
  '127.0.0.1',
  '100.64.1.1',
  'fe80::1',
  'fd00::1',
  '::1',
])('drops a candidate at %s, and hides it as a related address', (address) => {
  expect(withoutPrivate('candidate', { candidate: candidate(address), sdpMid: '0' })).toBeUndefined()
  expect(withoutPrivate('candidate', { candidate: { candidate: candidate(address), sdpMid: '0' } })).toBeUndefined()
  const reflexive = candidate('203.0.113.9', `typ srflx raddr ${address} rport 5000 generation 0`)
  const kept = withoutPrivate('candidate', { candidate: reflexive, sdpMid: '0' })
  expect(kept?.body).toMatchObject({ candidate: expect.stringMatching(/raddr (0\.0\.0\.0|::) rport 0 generation 0$/) })
  expect(JSON.stringify(kept)).not.toContain(`raddr ${address} `)
  const deeper = withoutPrivate('candidate', { candidate: { candidate: reflexive, sdpMid: '0' } })
  expect(deeper).toEqual({ body: { candidate: kept?.body } })
  const sdp = `${SDP}a=${candidate(address)}\r\na=${candidate('203.0.113.9')}\r\n`.replace('0.0.0.0', address)
  const body = withoutPrivate('offer', { type: 'offer', sdp })?.body as { sdp: string }
  expect(body.sdp.split('\r\n').filter((line) => line.startsWith('a=candidate'))).toEqual([
    `a=${candidate('203.0.113.9')}`,
  ])
  expect(body.sdp).toMatch(/^c=IN IP4 (0\.0\.0\.0|::)\r$/m)
})

test('public addresses pass unchanged', () => {
  for (const body of [
    candidate('203.0.113.9'),
    candidate('abc.local'),
    { candidate: candidate('2001:db8::1'), a: 1 },
  ]) {
    expect(withoutPrivate('candidate', body)).toEqual({ body })
  }
  expect(withoutPrivate('offer', SDP)).toEqual({ body: SDP })
  expect(withoutPrivate('bye', { any: 'thing' })).toEqual({ body: { any: 'thing' } })
})
