import { expect, test } from '@jest/globals'
import { gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl } = await stage(['contacts', 'groups'])

test("lists the caller's groups page by page, and no others", async () => {
  const groups = [await gather(alice, bob), await gather(alice), await gather(bob, alice)].toSorted()
  await gather(carl)
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = (await alice.calls('get_group_list', { limit: 2, ...(cursor !== undefined && { cursor }) })).as(
      'group_list',
    )
    const list = page['groups']
    expect(list.length).toBeLessThanOrEqual(2)
    seen.push(...list.map(({ group_id }) => group_id))
    cursor = page['cursor']
  } while (cursor !== undefined)
  expect(seen).toEqual(groups)
})
