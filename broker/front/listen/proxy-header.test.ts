import { expect, test } from '@jest/globals'
import { parseProxyHeader } from './proxy-header.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const header = (hex: string): Buffer => Buffer.from(`${SIGNATURE}${hex}`.replaceAll(' ', ''), 'hex')
const V4 = '21 11 000c 01020304 7f000001 d431 22b3'
const V6 = '21 21 0024 20010db8000000000000000000000007 00000000000000000000000000000001 d431 22b3'

test.each([
  ['IPv4', V4, '1.2.3.4', 28],
  ['IPv6', V6, '2001:db8:0:0:0:0:0:7', 52],
  ['IPv4 with an extension', '21 11 0011 01020304 7f000001 d431 22b3 04 0002 ffff', '1.2.3.4', 33],
  ['a health check of the proxy', '20 00 0000', undefined, 16],
  ['an unknown family', '21 00 0004 ffffffff', undefined, 20],
])('reads a header of %s, whole and byte by byte', (_, hex, source, bytes) => {
  const whole = Buffer.concat([header(hex), Buffer.from('what follows')])
  expect(parseProxyHeader(whole)).toEqual({ bytes, source })
  for (let length = 0; length < bytes; length++) expect(parseProxyHeader(whole.subarray(0, length))).toBeUndefined()
})

test.each([
  ['version 1', Buffer.from('PROXY TCP4 1.2.3.4 127.0.0.1 54321 8883\r\n')],
  ['a TLS handshake', Buffer.from([0x16, 0x03, 0x01])],
  ['another version', header('11 11 000c 01020304 7f000001 d431 22b3')],
  ['an unknown command', header('22 11 000c 01020304 7f000001 d431 22b3')],
  ['UDP', header('21 12 000c 01020304 7f000001 d431 22b3')],
  ['a UNIX socket', header(`21 31 00d8 ${'00'.repeat(216)}`)],
  ['too few bytes of addresses', header('21 11 0004 01020304')],
  ['65,535 bytes', header('21 11 ffff')],
])('refuses %s', (_, bytes) => {
  expect(() => parseProxyHeader(bytes)).toThrow(/PROXY header/)
})
