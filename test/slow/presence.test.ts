import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend, comes } from '../friends.ts'
import { Parts } from '../parts.ts'

// Presence stays right whatever is killed.

let parts: Parts
beforeAll(async () => {
  parts = await Parts.open({ CONNECTS_PER_CLIENT: '1000' })
  await parts.startHandlers('contacts')
})
afterAll(() => parts.close())

test('a presence handler that was killed reports what happened meanwhile when it is back', async () => {
  const presence = await parts.startHandlers('presence')
  const [alice, bob] = [await comes(parts, 'alice'), await comes(parts, 'bob')]
  await befriend(alice, bob)
  presence.kill('SIGKILL')
  await presence.ended
  await bob.leaves()
  await new Promise((resolve) => setTimeout(resolve, 6_000)) // waits for time itself: a user counts as gone after five seconds
  await parts.startHandlers('presence')
  expect(await alice.receives('user_offline')).toMatchObject({ user_id: 'bob' })
})

test('after a broker is killed, users who reconnect were never gone, and those who do not are', async () => {
  const [carl, dora, eve] = [await comes(parts, 'carl'), await comes(parts, 'dora'), await comes(parts, 'eve')]
  await befriend(carl, dora)
  await befriend(carl, eve)
  await parts.killBroker()
  await eve.mqtt.endAsync(true)
  await parts.startBroker()
  const heard = []
  for (;;) {
    const { event, user_id } = await carl.next(30_000)
    heard.push([event, user_id])
    if (event === 'user_offline') break
  }
  expect(heard).toEqual([['user_offline', 'eve']])
  expect(await carl.asks('get_user_list')).toMatchObject({ users: [{ user_id: 'dora' }] })
})
