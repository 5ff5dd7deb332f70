import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl, dora, eve, mallory } = await stage(['contacts', 'presence'])

test('tells contacts when a user comes online and goes offline, and nobody else', async () => {
  for (const one of [alice, bob, carl]) await one.comes()
  await befriend(alice, bob)
  await bob.leaves()
  alice.receives('user_offline', { user_id: 'bob', last_seen: expect.any(String) })
  await bob.comes()
  alice.receives('user_online', { user_id: 'bob', status: 'available' })
  expect([...alice.unread(), ...carl.unread()]).toEqual([])
})

test('refuses the command from a device: only the broker sends it', async () => {
  expect(await mallory.calls('presence_changed' as never, { online: false } as never)).toBeRefused('unknown_command')
})

test('new contacts see each other online at once; after a removal or a block each sees the other go offline', async () => {
  for (const one of [dora, eve]) await one.comes()
  await dora.calls('request_contact', { user_id: 'eve' })
  await eve.calls('accept_contact', { user_id: 'dora' })
  dora.receives('user_online', { user_id: 'eve' })
  eve.receives('user_online', { user_id: 'dora' })

  await dora.calls('block_user', { user_id: 'eve' })
  expect(eve.receives('user_offline')).toEqual(expect.not.objectContaining({ last_seen: expect.anything() }))
  dora.receives('user_offline', { user_id: 'eve' })
  await dora.calls('block_user', { user_id: 'eve' }) // a second time changes nothing
  await dora.calls('set_status', { status: 'away' })
  expect(await eve.calls('get_user_list')).toMatchObject({ users: [] })
  expect(eve.unread().filter(({ event }) => event.startsWith('user_o') || event === 'user_status')).toEqual([])

  await dora.calls('unblock_user', { user_id: 'eve' })
  eve.receives('user_online', { user_id: 'dora', status: 'away' })
  await eve.calls('remove_contact', { user_id: 'dora' })
  dora.receives('user_offline', { user_id: 'eve' })
  eve.receives('user_offline', { user_id: 'dora' })
})
