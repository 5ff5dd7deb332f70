import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, person } = await stage(['contacts', 'presence'])

test('lists the contacts who are online, page by page, and nobody else', async () => {
  const friends = ['f1', 'f2', 'f3', 'f4', 'f5']
  for (const name of [...friends, 'stranger']) await person(name).comes()
  for (const name of [...friends, 'offline']) await befriend(person(name), alice)
  const users = async (more: object = {}) => {
    const { users: page, cursor } = await alice.calls('get_user_list', more)
    return { ids: (page as { user_id: string }[]).map(({ user_id }) => user_id), cursor }
  }
  expect((await users()).ids).toEqual(friends)
  const first = await users({ limit: 2 })
  expect(first.ids).toEqual(['f1', 'f2'])
  expect((await users({ limit: 2, cursor: first.cursor })).ids).toEqual(['f3', 'f4'])
})

const open = await stage(['contacts', 'presence'], { ACCESS: 'everyone' })
test('with ACCESS=everyone everyone sees everyone, except across a block', async () => {
  const { alice, bob } = open
  await alice.comes()
  await bob.comes()
  alice.receives('user_online', { user_id: 'bob' })
  expect(await bob.calls('get_user_list')).toMatchObject({ users: [{ user_id: 'alice' }] })
  await alice.calls('block_user', { user_id: 'bob' })
  bob.receives('user_offline', { user_id: 'alice' })
  expect(await bob.calls('get_user_list')).toMatchObject({ users: [] })
  expect(await alice.calls('get_user_list')).toMatchObject({ users: [] })
})
