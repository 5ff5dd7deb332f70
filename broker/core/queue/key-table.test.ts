import { hash } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { KeyTable, wordsOf } from './key-table.ts'

test('holds what a Map would hold after any sequence of sets and deletes', () => {
  const keys = Array.from({ length: 500 }, (_, i) => hash('sha256', String(i), 'base64url'))
  const [table, map] = [new KeyTable(), new Map<string, number>()]
  const wrong: number[] = []
  let seed = 1
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  for (let i = 1; i <= 50_000; i++) {
    const round = i * 2 ** 20 // orders of commands have more than 32 bits
    const key = keys[random(keys.length)]!
    const value = map.get(key)
    if (random(2) === 0) {
      table.set(key, round)
      map.set(key, round)
    } else {
      table.delete(wordsOf(key), round) // another's value
      if (value !== undefined) table.delete(wordsOf(key), value)
      map.delete(key)
    }
    const other = keys[random(keys.length)]!
    if (table.get(other) !== map.get(other) || table.size !== map.size) wrong.push(round)
  }
  expect(wrong).toEqual([])
  expect(keys.map((key) => table.get(key))).toEqual(keys.map((key) => map.get(key)))
})
