import { expect, test } from '@jest/globals'
import { Waiting } from './waiting.ts'

test('holds what a Map in the order of its keys would hold, after any sequence of sets and deletes', () => {
  const [waiting, map] = [new Waiting(), new Map<number, number>()]
  const wrong: number[] = []
  let seed = 1
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  for (let round = 1; round <= 20_000; round++) {
    // Mostly later numbers; sometimes one in between, and one that has gone.
    const number = random(4) === 0 ? 1 + random(round) : round
    if (random(5) < 2 || map.size > 200) {
      const oldest = waiting.first ?? 0
      const one = random(3) === 0 ? number : oldest
      waiting.delete(one)
      map.delete(one)
    } else {
      const form = random(64)
      waiting.set(number, form)
      map.set(number, form)
    }
    const keys = [...map.keys()].toSorted((a, b) => a - b)
    const at = random(round + 2)
    const isRight =
      waiting.size === map.size &&
      waiting.first === keys[0] &&
      waiting.form(at) === map.get(at) &&
      waiting.after(at) === keys.find((key) => key > at) &&
      (round % 50 > 0 || String(waiting.numbers) === String(keys))
    if (!isRight) wrong.push(round)
  }
  expect(wrong).toEqual([])
})
