import { expect, test } from '@jest/globals'
import { Fifo } from './fifo.ts'

test('gives what came first, and is empty and good again afterwards', () => {
  const fifo = new Fifo<number>()
  expect([fifo.head, fifo.shift()]).toEqual([undefined, undefined])
  for (const n of [1, 2]) fifo.push(n)
  expect([fifo.head, fifo.shift(), fifo.shift(), fifo.shift()]).toEqual([1, 1, 2, undefined])
  fifo.push(3)
  expect([fifo.head, fifo.shift(), fifo.head]).toEqual([3, 3, undefined])
})

test('puts an item before the others, or behind those that it must follow', () => {
  const fifo = new Fifo<number>()
  for (const n of [4, 1, 3, 2, 5]) fifo.unshift(n, (other) => other < n)
  fifo.push(6)
  fifo.unshift(0)
  expect(Array.from({ length: 8 }, () => fifo.shift())).toEqual([0, 1, 2, 3, 4, 5, 6, undefined])
})
