import { expect, test } from '@jest/globals'
import { PILES } from '../../../tools/bench/growth/piles.ts'
import { runPile } from '../../../tools/bench/growth/run-pile.ts'
import { ownData } from '../../own-data.ts'

// What a command reads and writes does not grow with the amount of its user's data.

/** More than one page of anything. */
const SIZES = [400, 600]
/** Commands that read a whole pile, which is bounded, or as much of it as their `limit` allows. */
const BOUNDED: Readonly<Record<string, readonly string[]>> = {
  'contacts online': ['set_status', 'presence_changed', 'update_profile'],
  'contacts offline': ['get_user_list', 'set_status'],
  groups: ['search_messages, a word of all', 'search_messages, none'],
  'members of a group': ['create_group'],
  'users online, with ACCESS=everyone': ['set_status', 'presence_changed'],
  'users online who block the user, with ACCESS=everyone': ['get_user_list', 'set_status'],
  'profiles of one name': ['search_profiles'],
}

const piles = PILES.filter(({ most = Infinity }) => most > SIZES[1]!).map((pile) => [pile.what, pile] as const)

test.each(piles)('%s make no command cost more as they grow in number', async (what, pile) => {
  const data = await ownData()
  const store = await data.store()
  const [some, more] = [await runPile(store, pile, SIZES[0]!, 1), await runPile(store, pile, SIZES[1]!, 1)]
  const works = (costs: typeof some) =>
    [...costs]
      .filter(([name]) => !BOUNDED[what]?.includes(name))
      .map(([name, { work }]) => [name, work.read, work.written])
  expect(works(more)).toEqual(works(some))
  await data.close()
})

test('each command can be repeated more often than its pile has items', async () => {
  for (const pile of PILES) {
    const data = await ownData()
    const costs = await runPile(await data.store(), pile, 5, 8)
    expect([...costs.values()].every(({ p50 }) => p50 > 0)).toBe(true)
    await data.close()
  }
})
