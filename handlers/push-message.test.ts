import { expect, test } from '@jest/globals'
import { PushBrowser } from '../test/push-service.ts'
import { pushMessage } from './push-message.ts'

test('the tests’ browser reads the example of RFC 8291', () => {
  const browser = new PushBrowser('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94', 'BTBZMqHH6r4Tts7J_aSIgg')
  const body =
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN'
  expect(browser.reads(Buffer.from(body, 'base64url')).toString()).toBe('When I grow up, I want to be a watermelon')
})

test.each([0, 1, 200, 3_993])('a message of %d bytes is read by the browser it is for, and by no other', (bytes) => {
  const [bob, eve] = [new PushBrowser(), new PushBrowser()]
  const keys = { p256dh: Buffer.from(bob.keys.p256dh, 'base64url'), auth: Buffer.from(bob.keys.auth, 'base64url') }
  const text = Buffer.alloc(bytes, 'x')
  const message = pushMessage(text, keys)
  expect(bob.reads(message).equals(text)).toBe(true)
  expect(message.length).toBeLessThanOrEqual(4_096)
  expect(() => eve.reads(message)).toThrow()
  expect(pushMessage(text, keys).equals(message)).toBe(false)
})

test('a key that is no point of the curve is refused', () => {
  const keys = { p256dh: Buffer.alloc(65, 4), auth: Buffer.alloc(16) }
  expect(() => pushMessage(Buffer.from('hello'), keys)).toThrow()
})
