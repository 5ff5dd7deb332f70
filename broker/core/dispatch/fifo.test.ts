import { expect, test } from '@jest/globals'
import { Fifo } from './fifo.ts'

test('returns items in order, and can be used again when empty', () => {
  const fifo = new Fifo<number>()
  expect([fifo.head, fifo.shift()]).toEqual([undefined, undefined])
  for (const n of [1, 2]) fifo.push(n)
  expect([fifo.head, fifo.shift(), fifo.shift(), fifo.shift()]).toEqual([1, 1, 2, undefined])
  fifo.push(3)
  expect([fifo.head, fifo.shift(), fifo.head]).toEqual([3, 3, undefined])
})

test('does not hold items that were shifted', () => {
  const fifo = new Fifo<number>()
  for (let n = 0; n < 5_000; n++) fifo.push(n)
  for (let n = 0; n < 20_000; n++) {
    fifo.push(5_000 + n)
    expect(fifo.shift()).toBe(n)
  }
  for (let n = 20_000; n < 25_000; n++) expect(fifo.shift()).toBe(n)
  expect(fifo.head).toBeUndefined()
})
