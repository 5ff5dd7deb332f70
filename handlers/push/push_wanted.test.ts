import { expect, test } from '@jest/globals'
import { pushStage } from '../../test/handlers/push-stage.ts'

const { service, alice, bob, carl, mallory, clock } = await pushStage()
const sent_at = '2026-01-01T00:00:00.000Z'

test('tells every browser of the user, encrypted and signed, which message it is and from whom', async () => {
  const [phone, laptop] = [service.subscribe(), service.subscribe()]
  for (const one of [phone, laptop]) await alice.calls('save_push_subscription', one)
  const fields = { message_id: 'm1', from: 'bob' }
  await clock.fires(alice, 'push_wanted', { event: 'message_received', event_seq: 7, sent_at, fields })
  const got = service.unread()
  expect(got.map(({ path }) => service.origin + path).toSorted()).toEqual(
    [phone, laptop].map((one) => one.endpoint).toSorted(),
  )
  for (const { headers, claims, message } of got) {
    expect(message).toEqual({ event: 'message_received', event_seq: 7, sent_at, user_id: 'alice', ...fields })
    expect(claims).toMatchObject({ aud: service.origin, sub: 'mailto:ops@example.com' })
    expect(headers).toMatchObject({ ttl: '86400', urgency: 'high', 'content-encoding': 'aes128gcm' })
    expect(headers['topic']).toMatch(/^[\w-]{32}$/)
  }
})

test('messages of one conversation have one topic, so that a switched-off phone gets one of them', async () => {
  await bob.calls('save_push_subscription', service.subscribe())
  for (const [event_seq, fields] of [
    { from: 'eve' },
    { from: 'eve' },
    { from: 'finn' },
    { from: 'eve', group_id: 'g' },
  ].entries()) {
    await clock.fires(bob, 'push_wanted', { event: 'message_received', event_seq, sent_at, fields })
  }
  const [first, second, ...others] = service.unread().map(({ headers }) => headers['topic'])
  expect(second).toBe(first)
  expect(new Set([first, ...others]).size).toBe(3)
})

test.each([
  [{ direction: 'in', state: 'missed' }, 1],
  [{ direction: 'in', state: 'ringing' }, 0],
  [{ direction: 'in', state: 'ended' }, 0],
  [{ direction: 'out', state: 'missed' }, 0],
])('of a call that is %j the user is told %d times', async (fields, times) => {
  const phone = service.subscribe('/carls-phone')
  await carl.calls('save_push_subscription', phone)
  await clock.fires(carl, 'push_wanted', {
    event: 'call_changed',
    event_seq: 1,
    sent_at,
    fields: { with: 'eve', ...fields },
  })
  expect(service.unread()).toHaveLength(times)
})

test.each([404, 410])('a browser whose push service answers %d is forgotten', async (status) => {
  const gone = service.subscribe(`/gone-${status}`)
  await carl.calls('save_push_subscription', gone)
  service.answers[`/gone-${status}`] = [[status]]
  const news = (event_seq: number) => ({ event: 'message_received', event_seq, sent_at, fields: {} })
  await clock.fires(carl, 'push_wanted', news(1))
  await clock.fires(carl, 'push_wanted', news(2)) // would be accepted
  expect(service.unread().map(({ path }) => path)).not.toContain(`/gone-${status}`)
})

test('refuses the command from a device: only the broker sends it', async () => {
  expect(await mallory.calls('push_wanted' as never, {} as never)).toBeRefused('unknown_command')
})

test('reads the subscriptions of one user, however many others there are', async () => {
  for (const one of [alice, bob, carl]) {
    for (let n = 0; n < 12; n++) await one.calls('save_push_subscription', service.subscribe())
  }
  const news = { event: 'message_received', event_seq: 1, sent_at: '2026-01-01T00:00:00.000Z', fields: {} }
  expect(await clock.costs(alice, 'push_wanted', news)).toEqual({ read: 10, counted: 0, written: 0 })
})
