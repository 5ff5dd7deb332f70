import { expect, test } from '@jest/globals'
import { InFlight } from './in-flight.ts'

test('a message is resent under its old id, which no other message gets until it is acknowledged', () => {
  const client = { _nextId: 7 }
  const inFlight = new InFlight(client)
  inFlight.resumes([
    { number: 20, messageId: 7 },
    { number: 22, messageId: 9 },
  ])
  expect(inFlight.idFor(24)).toBe(8)
  expect(inFlight.idFor(undefined)).toBe(10)
  expect(inFlight.idFor(20)).toBe(7)
  expect(inFlight.done(9)).toBe(22) // acknowledged before it was resent
  expect(inFlight.idFor(22)).toBe(11)
  expect(inFlight.done(10)).toBeUndefined()
  expect(inFlight.done(7)).toBe(20)
  expect(inFlight.all()).toEqual([
    { number: 24, messageId: 8 },
    { number: 22, messageId: 11 },
  ])
})

test('a client that never acknowledges runs out of ids, and no id is used twice', () => {
  const inFlight = new InFlight({ _nextId: 1 })
  const given = new Set<number>()
  for (;;) {
    const id = inFlight.idFor(given.size + 1)
    if (id === undefined) break
    if (given.has(id)) throw new Error(`${id} is given twice`)
    given.add(id)
  }
  expect(given.size).toBeGreaterThan(60_000)
  inFlight.done(5)
  expect(inFlight.idFor(1)).toBeDefined()
})
