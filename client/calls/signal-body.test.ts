import { expect, test } from '@jest/globals'
import { candidateIn, descriptionIn, fragmentOf, hasFragment, sessionOf } from './signal-body.ts'

const SDP = 'v=0\r\no=- 4611 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:ab+/\r\n'

test('a description is taken as this client sends it, as text, and one level deeper', () => {
  expect(descriptionIn({ type: 'offer', sdp: SDP, round: 2, to: '4711' })).toEqual({ sdp: SDP, round: 2, to: '4711' })
  expect(descriptionIn(SDP)).toEqual({ sdp: SDP })
  expect(descriptionIn({ sdp: { type: 'offer', sdp: SDP } })).toEqual({ sdp: SDP })
  for (const body of [undefined, null, 7, {}, { sdp: 7 }]) expect(descriptionIn(body)).toBeUndefined()
})

test('a candidate is taken alike; the mark of the end is none', () => {
  const candidate = 'candidate:1 1 udp 1 192.0.2.1 5000 typ host ufrag ab+/'
  expect(candidateIn({ candidate, sdpMid: '0' })).toEqual({ candidate, sdpMid: '0' })
  expect(candidateIn({ candidate: { candidate, sdpMid: '0' } })).toEqual({ candidate, sdpMid: '0' })
  expect(candidateIn(candidate)).toEqual({ candidate, sdpMLineIndex: 0 })
  for (const body of [undefined, null, '', { candidate: '' }, { candidate: null }]) {
    expect(candidateIn(body)).toBeUndefined()
  }
  expect(fragmentOf({ candidate })).toBe('ab+/')
})

test('a description tells who made it, and to which ICE session it belongs', () => {
  expect(sessionOf(SDP)).toBe('4611')
  expect(sessionOf(undefined)).toBeUndefined()
  expect([hasFragment(SDP, 'ab+/'), hasFragment(SDP, 'ab')]).toEqual([true, false])
})
