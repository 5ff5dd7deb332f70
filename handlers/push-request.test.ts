import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readConfig } from '../shared/config.ts'
import { PUSH_SETTINGS, PushService } from '../test/push-service.ts'
import { openPush } from './push-settings.ts'

let service: PushService
beforeAll(async () => {
  service = await PushService.open()
})
afterAll(() => service.close())

const MESSAGE = { text: '{}', topic: 'a-topic', ttl: 60, isUrgent: true }

test.each([
  ['an address of this machine', (at: string) => at],
  ['a name of this machine', (at: string) => at.replace('127.0.0.1', 'localhost')],
  ['IPv6', () => 'https://[::1]:443/'],
  ['IPv4 within IPv6', (at: string) => at.replace('127.0.0.1', '[::ffff:127.0.0.1]')],
  ['a private network', () => 'https://10.1.2.3/'],
  ['the address of a cloud’s metadata', () => 'https://169.254.169.254/latest'],
  ['a number', (at: string) => at.replace('127.0.0.1', '2130706433')],
])('an endpoint with %s is never asked', async (_, endpoint) => {
  const push = service.sender({ PUSH_PRIVATE_ADDRESSES: 'false' })
  const to = { ...service.subscribe(), endpoint: endpoint(service.origin) }
  expect(await push.send(to, MESSAGE)).toEqual({ outcome: 'gone', why: expect.stringMatching(/private address/) })
  expect(service.asked).toBe(0)
  await push.close()
})

test('who cannot prove to be the push service gets no message; one that is not there is asked again later', async () => {
  const push = openPush(readConfig(PUSH_SETTINGS))! // does not trust the certificate
  expect(await push.send(service.subscribe(), MESSAGE)).toMatchObject({
    outcome: 'later',
    why: expect.stringMatching(/certificate|self.signed/i),
  })
  const away = { ...service.subscribe(), endpoint: 'https://127.0.0.1:1/' }
  expect(await push.send(away, MESSAGE)).toMatchObject({ outcome: 'later', why: expect.stringMatching(/ECONNREFUSED/) })
  expect(service.asked).toBe(0)
  await push.close()
})

test('keys that do not belong together, and half a setup, end the start with the names of the settings', () => {
  const other = PUSH_SETTINGS.VAPID_PRIVATE_KEY.replace(/^./, 'C')
  const opens = (more: object) => () => openPush(readConfig({ ...PUSH_SETTINGS, ...more }))
  expect(opens({ VAPID_PRIVATE_KEY: other })).toThrow('VAPID_PRIVATE_KEY: is not the private key of VAPID_PUBLIC_KEY')
  expect(opens({ VAPID_SUBJECT: '' })).toThrow('VAPID_SUBJECT')
  expect(opens({ VAPID_PRIVATE_KEY: '' })()).toBeUndefined()
})
