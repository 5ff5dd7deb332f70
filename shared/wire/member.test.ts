import { expect, test } from '@jest/globals'
import { inPackets, type Delivery } from './member.ts'

const deliveries = (count: number): Delivery[] =>
  Array.from({ length: count }, (_, i) => ({ command: `${'ü'.repeat(100)}/${i}`, attempt: 1 }))

test('splits what is given back into packets, all of it and in order', () => {
  const all = deliveries(1_000)
  const lists = inPackets(all, 16_384)
  expect(lists.flat()).toEqual(all)
  for (const back of lists) expect(Buffer.byteLength(JSON.stringify({ busy: true, back }))).toBeLessThan(16_384)
})

test('makes one list when it fits, or when nothing is given back', () => {
  expect(inPackets(deliveries(10), 16_384)).toEqual([deliveries(10)])
  expect(inPackets([], 16_384)).toEqual([[]])
})
