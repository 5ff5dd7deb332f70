import { expect, test } from '@jest/globals'
import type { KeptSession } from '../../seam/kept-sessions.ts'
import { SendWindow } from './send-window.ts'

const sessionOf = (...numbers: number[]) =>
  ({ waiting: new Map(numbers.map((number) => [number, {}])) }) as unknown as KeptSession & {
    waiting: Map<number, unknown>
  }

test('there is room again when what was under way is acknowledged, also what its session has dropped meanwhile', async () => {
  const window = new SendWindow({ receiveMaximum: 1 })
  const told: string[] = []
  window.next = () => told.push('next')
  expect(window.queues(1, sessionOf(1))).toBe(false)
  expect(window.queues(2, sessionOf(1, 2))).toBe(true)
  const room = window.room(sessionOf(1)).then(() => told.push('room'))
  window.acknowledged(1)
  await room
  expect(told).toEqual(['next', 'room'])

  window.sent(3)
  const session = sessionOf(3)
  const later = window.room(session)
  session.waiting.delete(3) // too many events: the oldest went, although it is under way
  window.freed()
  await later
  expect(told).toEqual(['next', 'room', 'next'])
})
