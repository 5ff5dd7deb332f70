import { expect, test } from '@jest/globals'
import { FairQueue } from './fair-queue.ts'

test('senders take turns, however much one of them sends, and each sender’s items stay in order', () => {
  const queue = new FairQueue<string>()
  for (let i = 0; i < 50; i++) queue.push('mallory', `m${i}`)
  for (let i = 0; i < 3; i++) queue.push('alice', `a${i}`)
  expect(Array.from({ length: 8 }, () => queue.shift())).toEqual(['m0', 'a0', 'm1', 'a1', 'm2', 'a2', 'm3', 'm4'])
  expect(queue.length).toBe(45)
})

test('an item that is put back is its sender’s first again, and a reserved place counts', () => {
  const queue = new FairQueue<string>()
  queue.push('alice', 'a1')
  queue.unshift('alice', 'a0')
  queue.reserve('alice')
  expect([queue.countOf('alice'), queue.length]).toEqual([3, 3])
  queue.release('alice')
  expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(['a0', 'a1', undefined])
  expect([queue.countOf('alice'), queue.length]).toEqual([0, 0])
})
