import { expect, test } from '@jest/globals'
import { pushStage } from '../../test/handlers/push-stage.ts'

const { service, alice, mallory, clock } = await pushStage()

test('removing reads and writes one subscription', async () => {
  const [one, ...others] = Array.from({ length: 10 }, () => service.subscribe())
  for (const each of [one!, ...others]) await mallory.calls('save_push_subscription', each)
  const removed = await mallory.costs('remove_push_subscription', { endpoint: one!.endpoint })
  expect(removed).toEqual({ read: 0, counted: 0, written: 1 })
})

test('only its own user ends a subscription; after that the browser is told nothing', async () => {
  const [phone, laptop] = [service.subscribe(), service.subscribe()]
  await alice.calls('save_push_subscription', phone)
  await alice.calls('save_push_subscription', laptop)
  const removes = { endpoint: phone.endpoint }
  const tells = (event_seq: number) =>
    clock.fires(alice, 'push_wanted', {
      event: 'message_received',
      event_seq,
      sent_at: '2026-01-01T00:00:00Z',
      fields: {},
    })

  expect(await mallory.calls('remove_push_subscription', removes)).toMatchObject({ event: 'push_subscription_removed' })
  await tells(1)
  expect(service.unread()).toHaveLength(2)
  await alice.calls('remove_push_subscription', removes, { crashes: true })
  await tells(2)
  expect(service.unread().map(({ path }) => service.origin + path)).toEqual([laptop.endpoint])
})
