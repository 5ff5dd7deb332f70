import { expect, test } from '@jest/globals'
import { Oldest } from './oldest.ts'

test('returns the oldest entry of a Map, whatever was deleted, added, or deleted and added again', () => {
  const map = new Map<string, object>()
  const oldest = new Oldest(map)
  const key = () => oldest.entry?.[0]
  expect(key()).toBeUndefined()
  for (const name of ['a', 'b', 'c', 'd']) map.set(name, {})
  expect([key(), key()]).toEqual(['a', 'a'])
  map.delete('b')
  map.delete('a')
  expect(key()).toBe('c')
  map.delete('c')
  map.set('c', {}) // now it is the youngest
  expect(key()).toBe('d')
  map.delete('d')
  expect(key()).toBe('c')
  map.clear()
  expect(key()).toBeUndefined()
  map.set('e', {})
  expect(key()).toBe('e')
})

test('agrees with the Map at every size', () => {
  const map = new Map<number, { n: number }>()
  const oldest = new Oldest(map)
  for (let n = 0; n < 20_000; n++) {
    map.set(n, { n })
    if (n % 7 === 0) map.delete(n - 3)
    if (n % 3 !== 0 || n % 5_000 > 4_000) {
      if (n % 97 === 0) expect(oldest.entry?.[0]).toBe(map.keys().next().value)
      map.delete(oldest.entry![0])
    }
  }
  expect(oldest.entry?.[0]).toBe(map.keys().next().value)
})
