// @needs openssl
import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { turnPassword } from './turn-password.ts'

test('is what openssl computed once, byte for byte', () => {
  expect(turnPassword('north-star-of-the-tests', '1800000000:alice')).toBe('FOogl6l4u1rc3EziHfx9V39QxSA=')
})

test.each([
  ['1800000000:alice', 'a secret with blanks'],
  ['1893456000:kc:a%5Fb|c@example.org~1', 'sécrèt-ünïcode-0123456789'],
  [`1800000000:${'u'.repeat(490)}`, 's'.repeat(256)], // longer than a block of SHA-1
])('is what openssl computes for %p', (username, secret) => {
  const key = `hexkey:${Buffer.from(secret).toString('hex')}`
  const hmac = execFileSync('openssl', ['dgst', '-sha1', '-mac', 'HMAC', '-macopt', key, '-binary'], {
    input: username,
  })
  expect(turnPassword(secret, username)).toBe(hmac.toString('base64'))
})
