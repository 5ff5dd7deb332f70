import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob } = await stage('contacts')

test('shows Alice, page by page, whom she blocks, and does not show Bob that she blocks him', async () => {
  for (const user_id of [bob.user, 'Zed', 'carl']) await alice.calls('block_user', { user_id })
  const first = (await alice.calls('get_block_list', { limit: 2 })).as('block_list')
  expect(first).toMatchObject({ users: ['Zed', 'bob'] })
  const second = (await alice.calls('get_block_list', { limit: 2, cursor: first['cursor'] })).as('block_list')
  expect(second['users']).toEqual(['carl'])
  expect(second).not.toHaveProperty('cursor')
  expect((await bob.calls('get_block_list'))['users']).toEqual([])
})
