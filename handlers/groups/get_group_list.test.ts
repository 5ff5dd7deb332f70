import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups'])
})
afterAll(() => stage.close())

test("lists the caller's groups page by page, and no others", async () => {
  const [alice, bob, carl] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carl')]
  const groups = [await gather(alice, bob), await gather(alice), await gather(bob, alice)].toSorted()
  await gather(carl)
  const seen: string[] = []
  let cursor: unknown
  do {
    const page = await alice.asks('get_group_list', { limit: 2, ...(cursor !== undefined && { cursor }) })
    const list = page['groups'] as { group_id: string; role: string; members: number }[]
    expect(list.length).toBeLessThanOrEqual(2)
    seen.push(...list.map(({ group_id }) => group_id))
    cursor = page['cursor']
  } while (cursor !== undefined)
  expect(seen).toEqual(groups)
})
