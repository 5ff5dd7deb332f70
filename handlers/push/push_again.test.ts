import { expect, test } from '@jest/globals'
import { pushStage } from '../../test/handlers/push-stage.ts'

const { service, alice, bob, carl, clock } = await pushStage()
const NEWS = { event: 'message_received', event_seq: 1, sent_at: '2026-01-01T00:00:00.000Z', fields: { from: 'eve' } }

test('a push service that is away is asked again, later each time, and the other browsers are told once', async () => {
  const [busy, well] = [service.subscribe('/busy'), service.subscribe('/well')]
  for (const one of [busy, well]) await alice.calls('save_push_subscription', one)
  service.answers['/busy'] = [[500], [503]]
  await clock.fires(alice, 'push_wanted', NEWS)
  expect(service.unread().map(({ path }) => path)).toEqual(['/well'])
  await clock.passes(10_000)
  expect(service.unread()).toEqual([])
  await clock.passes(59_000)
  expect(service.unread()).toEqual([])
  await clock.passes(1_000)
  expect(service.unread().map(({ path, message }) => [path, message['event_seq']])).toEqual([['/busy', 1]])
})

test('Retry-After is kept to', async () => {
  await bob.calls('save_push_subscription', service.subscribe('/slow'))
  service.answers['/slow'] = [[429, { 'retry-after': '120' }]]
  await clock.fires(bob, 'push_wanted', NEWS)
  await clock.passes(119_000)
  expect(service.unread()).toEqual([])
  await clock.passes(1_000)
  expect(service.unread()).toHaveLength(1)
})

test('after the last try it is given up, and a refusal is not tried again', async () => {
  await carl.calls('save_push_subscription', service.subscribe('/down'))
  service.answers['/down'] = Array.from({ length: 100 }, () => [500])
  const before = service.asked
  await clock.fires(carl, 'push_wanted', NEWS)
  await clock.passes(86_400_000)
  expect(service.asked - before).toBe(5)
  service.answers['/down'] = [[400]]
  await clock.fires(carl, 'push_wanted', NEWS)
  await clock.passes(86_400_000)
  expect(service.asked - before).toBe(6)
  expect(service.unread()).toEqual([])
})

test('reads the subscriptions of one user, however many others there are', async () => {
  for (const one of [alice, bob, carl]) {
    for (let n = 0; n < 12; n++) await one.calls('save_push_subscription', service.subscribe())
  }
  const news = { event: 'message_received', event_seq: 1, sent_at: '2026-01-01T00:00:00.000Z', fields: {} }
  expect(await clock.costs(alice, 'push_again', { ...news, tries: 1, to: [] })).toEqual({
    read: 10,
    counted: 0,
    written: 0,
  })
})
