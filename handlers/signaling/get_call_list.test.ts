import { expect, test } from '@jest/globals'
import { befriend } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl } = await stage(['contacts', 'signaling'])

test('lists the calls of the user page by page, newest first, with their start and end', async () => {
  await befriend(alice, bob)
  await befriend(bob, carl)
  const body = 'v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n'
  const calls = async (by: typeof alice, other: typeof alice, call_id: string) => {
    await by.calls('signal', { target: other.user, type: 'offer', body, call_id })
    await other.calls('signal', { target: by.user, type: 'answer', body, call_id })
    await by.calls('signal', { target: other.user, type: 'bye', call_id })
  }
  await calls(alice, bob, 'c1')
  await calls(bob, alice, 'c2')
  await calls(carl, bob, 'c3')
  const seen: unknown[] = []
  let cursor: string | undefined
  do {
    const page = (await bob.calls('get_call_list', { limit: 2, ...(cursor !== undefined && { cursor }) })).as(
      'call_list',
    )
    seen.push(...page.calls)
    cursor = page.cursor
  } while (cursor !== undefined)
  const time = expect.any(String)
  expect(seen).toMatchObject([
    {
      call_id: 'c3',
      with: 'carl',
      direction: 'in',
      state: 'ended',
      started_at: time,
      answered_at: time,
      ended_at: time,
    },
    { call_id: 'c2', with: 'alice', direction: 'out', state: 'ended' },
    { call_id: 'c1', with: 'alice', direction: 'in', state: 'ended' },
  ])
  expect(await carl.calls('get_call_list')).toMatchObject({ calls: [{ call_id: 'c3', direction: 'out' }] })
  for (const cursor of ['nonsense', 'tomorrow alice bob c1']) {
    expect(await carl.calls('get_call_list', { cursor })).toBeRefused('bad_payload')
  }
})
