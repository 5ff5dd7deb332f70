import { expect, test } from '@jest/globals'
import { UnderWay } from './under-way.ts'

test('a message is resent under its old id, which no other message gets until it is acknowledged', () => {
  const client = { _nextId: 7 }
  const underWay = new UnderWay(client)
  underWay.resumes([
    { number: 20, messageId: 7 },
    { number: 22, messageId: 9 },
  ])
  expect(underWay.idFor(24)).toBe(8)
  expect(underWay.idFor(undefined)).toBe(10)
  expect(underWay.idFor(20)).toBe(7)
  expect(underWay.done(9)).toBe(22) // acknowledged before it was resent
  expect(underWay.idFor(22)).toBe(11)
  expect(underWay.done(10)).toBeUndefined()
  expect(underWay.done(7)).toBe(20)
  expect(underWay.all()).toEqual([
    { number: 24, messageId: 8 },
    { number: 22, messageId: 11 },
  ])
})

test('a client that never acknowledges runs out of ids, and no id is used twice', () => {
  const underWay = new UnderWay({ _nextId: 1 })
  const given = new Set<number>()
  for (;;) {
    const id = underWay.idFor(given.size + 1)
    if (id === undefined) break
    if (given.has(id)) throw new Error(`${id} is given twice`)
    given.add(id)
  }
  expect(given.size).toBeGreaterThan(60_000)
  underWay.done(5)
  expect(underWay.idFor(1)).toBeDefined()
})
