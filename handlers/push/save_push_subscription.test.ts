import { expect, test } from '@jest/globals'
import { pushStage } from '../../test/handlers/push-stage.ts'
import { stage } from '../../test/handlers/stage.ts'

const { service, alice, bob, carl, clock } = await pushStage()
const { dora } = await stage('push')

const news = (event_seq: number) => ({
  event: 'message_received',
  event_seq,
  sent_at: '2026-01-01T00:00:00Z',
  fields: { from: 'eve' },
})

test('an endpoint belongs to the user who saved it last, however often it is saved', async () => {
  const phone = service.subscribe()
  for (const one of [alice, alice, bob]) {
    expect(await one.calls('save_push_subscription', phone, { crashes: true })).toMatchObject({
      event: 'push_subscription_saved',
    })
  }
  await clock.fires(alice, 'push_wanted', news(1))
  await clock.fires(bob, 'push_wanted', news(2))
  expect(service.unread().map(({ message }) => message['user_id'])).toEqual(['bob'])
})

test('of more than ten browsers the one that was saved first makes room', async () => {
  const all = Array.from({ length: 11 }, () => service.subscribe())
  for (const one of all) {
    await carl.calls('save_push_subscription', one)
    await clock.passes(1)
  }
  await clock.fires(carl, 'push_wanted', news(1))
  const told = service.unread().map(({ path }) => service.origin + path)
  expect(told.toSorted()).toEqual(
    all
      .slice(1)
      .map(({ endpoint }) => endpoint)
      .toSorted(),
  )
})

test('however many others there are, saving reads and writes what one user may have', async () => {
  for (let n = 0; n < 30; n++) await alice.calls('save_push_subscription', service.subscribe())
  expect(await bob.costs('save_push_subscription', service.subscribe())).toEqual({ read: 2, counted: 0, written: 1 })
  expect(await alice.costs('save_push_subscription', service.subscribe())).toEqual({ read: 11, counted: 0, written: 2 })
})

test('what is no subscription is refused', async () => {
  const good = service.subscribe()
  for (const wrong of [
    { endpoint: 'http://push.example/' },
    { endpoint: 'file:///etc/passwd' },
    { endpoint: `https://push.example/${'x'.repeat(1_100)}` },
    { p256dh: 'B'.repeat(87) },
    { p256dh: 'short' },
    { auth: 'short' },
  ]) {
    expect(await alice.calls('save_push_subscription', { ...good, ...wrong })).toBeRefused('bad_payload')
  }
})

test('without keys it says that push is not set up', async () => {
  expect(await dora.calls('save_push_subscription', service.subscribe())).toBeRefused('unavailable')
})
