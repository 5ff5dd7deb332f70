import { expect, test } from '@jest/globals'
import type { Changes } from './store.ts'
import { Writer } from './writer.ts'

test('a store that is full is not tried over and over, and what is to be removed is removed once there is room', async () => {
  const stored = new Map([['a', '1']])
  const faults: unknown[] = []
  let [isFull, tries] = [true, 0]
  const store = {
    open: () => Promise.resolve(stored),
    async write(changes: Changes) {
      if (++tries > 5) return // an endless loop would let nothing else run, this test either
      if (isFull) throw new Error('full')
      for (const [key, value] of changes) {
        if (value === undefined) stored.delete(key)
        else stored.set(key, value)
      }
    },
    close: () => Promise.resolve(),
  }
  const writer = new Writer(store, (err) => faults.push(err))
  writer.note('a', undefined)
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
  expect([tries, faults.length, stored.has('a')]).toEqual([1, 1, true])
  isFull = false
  await writer.put('b', '2')
  expect([...stored]).toEqual([['b', '2']])
  await writer.settled()
})
