import { expect, test } from '@jest/globals'
import { moreThanRecorded } from './counted.ts'

test('reports a command that reads more documents than recorded, and the size at which it does', () => {
  const recorded = { get_messages: { 10: 20, 1000: 20 }, send_message: { 10: 3 } }
  const now = { get_messages: { 10: 22, 1000: 24 }, send_message: { 10: 2 }, mark_read: { 10: 9 } }
  expect(moreThanRecorded(recorded, now)).toEqual([
    'get_messages, 1000 messages stored: reads 24 documents, recorded 20\n',
  ])
})
