import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { befriend, comes } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'presence'])
})
afterAll(() => stage.close())

test('lists the contacts who are online, page by page, and nobody else', async () => {
  const alice = await stage.device('alice')
  const friends = ['f1', 'f2', 'f3', 'f4', 'f5']
  for (const name of friends) await befriend(await comes(stage, name), alice)
  await stage.device('stranger')
  const users = async (more: object = {}) => {
    const { users: page, cursor } = await alice.asks('get_user_list', more)
    return { ids: (page as { user_id: string }[]).map(({ user_id }) => user_id), cursor }
  }
  expect((await users()).ids).toEqual(friends)
  const first = await users({ limit: 2 })
  expect(first.ids).toEqual(['f1', 'f2'])
  expect((await users({ limit: 2, cursor: first.cursor })).ids).toEqual(['f3', 'f4'])
})

test('with ACCESS=everyone everyone sees everyone, except across a block', async () => {
  const open = await openStage(['contacts', 'presence'], { ACCESS: 'everyone' })
  try {
    const alice = await comes(open, 'alice')
    const bob = await open.device('bob')
    expect(await alice.receives('user_online')).toMatchObject({ user_id: 'bob' })
    expect(await bob.asks('get_user_list')).toMatchObject({ users: [{ user_id: 'alice' }] })
    await alice.asks('block_user', { user_id: 'bob' })
    expect(await bob.receives('user_offline')).toMatchObject({ user_id: 'alice' })
    expect(await bob.asks('get_user_list')).toMatchObject({ users: [] })
    expect(await alice.asks('get_user_list')).toMatchObject({ users: [] })
  } finally {
    await open.close()
  }
})
