import { expect, test } from '@jest/globals'
import type { AedesPublishPacket } from 'aedes'
import { HandlerInbox } from './handler-inbox.ts'
import type { Delivery } from './port.ts'

const delivery = (): Delivery => ({ topic: 'act', payload: Buffer.alloc(0), qos: 1, stamp: {} })
const idOf = (inbox: HandlerInbox, one: Delivery): number =>
  inbox.opens(inbox.seal(one) as AedesPublishPacket)?.messageId ?? 0

test('lets out nothing that the dispatcher did not seal', () => {
  const inbox = new HandlerInbox(10)
  const forged = { cmd: 'publish', topic: 'act', payload: '', qos: 1, properties: { userProperties: {} } }
  expect(inbox.opens(forged as unknown as AedesPublishPacket)).toBeUndefined()
})

test('a PUBACK names one delivery, once; ids go round and skip those in use', () => {
  const inbox = new HandlerInbox(10)
  const [kept, others] = [delivery(), Array.from({ length: 70_000 }, delivery)]
  const id = idOf(inbox, kept)
  for (const one of others) {
    const next = idOf(inbox, one)
    expect(next).not.toBe(id)
    if (inbox.acknowledged(next) !== one) throw new Error('another delivery')
  }
  expect(inbox.acknowledged(id)).toBe(kept)
  expect(inbox.acknowledged(id)).toBeUndefined()
})

test('is full when too many are not acknowledged, well before there is no id left', () => {
  const inbox = new HandlerInbox(3)
  const ids = [delivery(), delivery(), delivery()].map((one) => idOf(inbox, one))
  expect(inbox.isFull).toBe(true)
  inbox.acknowledged(ids[0]!)
  expect(inbox.isFull).toBe(false)
})
