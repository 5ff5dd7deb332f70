import { expect, test } from '@jest/globals'
import { HandlerInbox } from './handler-inbox.ts'
import type { Delivery } from '../../seam/port.ts'

const delivery = (): Delivery => ({ topic: 'act', payload: Buffer.alloc(0), qos: 1, stamp: {} })

test('a PUBACK names one delivery, once; ids go round and skip those in use', () => {
  const inbox = new HandlerInbox(10)
  const [kept, others] = [delivery(), Array.from({ length: 70_000 }, delivery)]
  const id = inbox.reserve(kept)
  for (const one of others) {
    const next = inbox.reserve(one)
    expect(next).not.toBe(id)
    if (inbox.acknowledged(next) !== one) throw new Error('another delivery')
  }
  expect(inbox.acknowledged(id)).toBe(kept)
  expect(inbox.acknowledged(id)).toBeUndefined()
})

test('is full when too many are not acknowledged, well before there is no id left', () => {
  const inbox = new HandlerInbox(3)
  const ids = [delivery(), delivery(), delivery()].map((one) => inbox.reserve(one))
  expect(inbox.isFull).toBe(true)
  inbox.acknowledged(ids[0]!)
  expect(inbox.isFull).toBe(false)
})
