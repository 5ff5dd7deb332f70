import { expect, test } from '@jest/globals'
import { HandlerInbox } from './handler-inbox.ts'

test('a PUBACK ends one delivery, once; ids wrap around and skip those in use', () => {
  const inbox = new HandlerInbox(10)
  const id = inbox.reserve(-1)
  for (let one = 0; one < 70_000; one++) {
    const next = inbox.reserve(one)
    if (next === id || inbox.acknowledged(next) !== one) throw new Error('another delivery')
  }
  expect(inbox.acknowledged(id)).toBe(-1)
  expect(inbox.acknowledged(id)).toBeUndefined()
})

test('is full when too many lack a PUBACK, well before the ids run out', () => {
  const inbox = new HandlerInbox(3)
  const ids = [1, 2, 3].map((one) => inbox.reserve(one))
  expect(inbox.isFull).toBe(true)
  inbox.acknowledged(ids[0]!)
  expect(inbox.isFull).toBe(false)
})
