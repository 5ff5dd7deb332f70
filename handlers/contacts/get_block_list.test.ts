import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('contacts')
})
afterAll(() => stage.close())

test('shows Alice, page by page, whom she blocks, and does not show Bob that she blocks him', async () => {
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  for (const user_id of [bob.user, 'Zed', 'carl']) await alice.asks('block_user', { user_id })
  const first = await alice.asks('get_block_list', { limit: 2 })
  expect(first).toMatchObject({ event: 'block_list', users: ['Zed', 'bob'] })
  const second = await alice.asks('get_block_list', { limit: 2, cursor: first['cursor'] })
  expect(second['users']).toEqual(['carl'])
  expect(second).not.toHaveProperty('cursor')
  expect((await bob.asks('get_block_list'))['users']).toEqual([])
})
