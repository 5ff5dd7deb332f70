import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend, comes } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'presence'], { CONNECTS_PER_CLIENT: '1000' })
})
afterAll(() => stage.close())

test('tells contacts when the first device of a user connects, and five seconds after the last one is gone', async () => {
  const [alice, bob, carl] = [await comes(stage, 'alice'), await comes(stage, 'bob'), await comes(stage, 'carl')]
  await befriend(alice, bob)
  const left = Date.now()
  await bob.leaves()
  expect(await alice.receives('user_offline')).toMatchObject({ user_id: 'bob', last_seen: expect.any(String) })
  expect(Date.now() - left).toBeGreaterThan(4_900)

  const phone = await stage.device('bob', { clientId: 'phone' })
  expect(await alice.receives('user_online')).toMatchObject({ user_id: 'bob', status: 'available' })
  const laptop = await stage.device('bob', { clientId: 'laptop' })
  await phone.leaves() // one device is left
  const flap = await stage.device('bob', { clientId: 'flap' })
  await flap.leaves()
  const taken = once(laptop.mqtt as never, 'close')
  const again = await stage.device('bob', { clientId: 'laptop' }) // takes over the laptop's session
  await taken
  await again.leaves()
  const back = await stage.device('bob', { clientId: 'phone' }) // within five seconds
  expect(await back.asks('get_user_list')).toMatchObject({ users: [{ user_id: 'alice' }] })
  expect((await alice.unread()).map(({ event }) => event)).toEqual([])
  expect((await carl.unread()).map(({ event }) => event)).toEqual([])
})

test('refuses the command from a device: only the broker sends it', async () => {
  const mallory = await stage.device('mallory')
  expect(await mallory.asks('presence_changed', { online: false })).toMatchObject({ code: 'unknown_command' })
})

test('new contacts see each other online at once; after a removal or a block each sees the other go offline', async () => {
  const [dora, eve] = [await comes(stage, 'dora'), await comes(stage, 'eve')]
  await dora.asks('request_contact', { user_id: 'eve' })
  await eve.asks('accept_contact', { user_id: 'dora' })
  expect(await dora.receives('user_online')).toMatchObject({ user_id: 'eve' })
  expect(await eve.receives('user_online')).toMatchObject({ user_id: 'dora' })

  await dora.asks('block_user', { user_id: 'eve' })
  expect(await eve.receives('user_offline')).toEqual(expect.not.objectContaining({ last_seen: expect.anything() }))
  expect(await dora.receives('user_offline')).toMatchObject({ user_id: 'eve' })
  await dora.asks('block_user', { user_id: 'eve' }) // a second time changes nothing
  await dora.asks('set_status', { status: 'away' })
  expect(await eve.asks('get_user_list')).toMatchObject({ users: [] })
  expect((await eve.unread()).filter(({ event }) => event.startsWith('user_o') || event === 'user_status')).toEqual([])

  await dora.asks('unblock_user', { user_id: 'eve' })
  expect(await eve.receives('user_online')).toMatchObject({ user_id: 'dora', status: 'away' })
  await eve.asks('remove_contact', { user_id: 'dora' })
  expect(await dora.receives('user_offline')).toMatchObject({ user_id: 'eve' })
  expect(await eve.receives('user_offline')).toMatchObject({ user_id: 'dora' })
})
