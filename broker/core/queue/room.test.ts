import { beforeEach, expect, test } from '@jest/globals'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import { Room, type Placed } from './room.ts'

let room: Room<Placed>
beforeEach(() => {
  room = new Room({ all: { commands: 120, bytes: 12_000 }, perUser: { commands: 1_000, bytes: 1_000_000 } })
})

function placed(sub: string, group: string, bytes = 10, isInternal = false): Placed {
  return { user: userIdOf(sub), group, bytes, isInternal }
}
/** Takes as many as there is room for, at most so many. */
function fill(one: Placed, most = Infinity): { taken: number; full: string | undefined } {
  for (let taken = 0; taken < most; taken++) {
    const full = room.fullFor(one)
    if (full) return { taken, full }
    room.add({ ...one })
  }
  return { taken: most, full: undefined }
}

test('the first absent group may fill half of the queue, the second a third, and working groups have room', () => {
  expect(fill(placed('alice', 'away'))).toEqual({ taken: 60, full: 'group' })
  expect(fill(placed('alice', 'also away'))).toEqual({ taken: 30, full: 'group' })
  expect(fill(placed('alice', 'works'), 15)).toEqual({ taken: 15, full: undefined })
  expect(room.nearlyFull().map((line) => /the group (.*) holds/.exec(line)![1])).toEqual(['away', 'also away', 'works'])
})

test('bounds bytes in the same way', () => {
  expect(fill(placed('alice', 'away', 1_000))).toEqual({ taken: 6, full: 'group' })
  expect(fill(placed('alice', 'works', 1_000), 3)).toEqual({ taken: 3, full: undefined })
  expect(fill(placed('alice', 'another', 10), 30)).toEqual({ taken: 30, full: undefined })
})

test('a user has a share, to which internal commands do not count; others are not affected', () => {
  room = new Room({ all: { commands: 1_000, bytes: 1e6 }, perUser: { commands: 10, bytes: 500 } })
  expect(fill(placed('alice', 'g'))).toEqual({ taken: 10, full: 'user' })
  expect(fill(placed('bob', 'g', 200))).toEqual({ taken: 2, full: 'user' })
  expect(fill(placed('carol', 'g', 10_000))).toEqual({ taken: 1, full: 'user' }) // who has none has room for one
  expect(fill(placed('alice', 'g', 10, true), 5)).toEqual({ taken: 5, full: undefined })
  room.remove(placed('bob', 'g', 200))
  expect(room.fullFor(placed('bob', 'g', 200))).toBeUndefined()
})

test('commands that wait for observers alone take no room of owners; the observer that holds the most loses its oldest', () => {
  const seen = Array.from({ length: 25 }, (_, i) => placed(`user ${i}`, 'index'))
  for (const one of seen) room.addObserved(one)
  expect(room.surplus()).toBeUndefined()
  const audited = Array.from({ length: 6 }, () => placed('alice', 'audit'))
  for (const one of audited.slice(0, 2)) room.addObserved(one)
  expect(room.fullFor(placed('alice', 'owner', 5_000))).toBeUndefined()
  for (const one of audited.slice(2)) room.addObserved(one)
  expect(room.surplus()).toBe(seen[0])
  expect(room.surplus()).toBeUndefined()
  for (const one of seen.slice(1)) room.removeObserved(one)
  for (let i = 0; i < 24; i++) room.addObserved(placed('bob', 'audit', 200))
  expect(room.surplus()).toBe(audited[0])
  expect(room.fullness()[1]).toMatchObject({ kind: 'observed', most: 'the observer audit' })
})

test('everything that is removed frees its room', () => {
  const items = Array.from({ length: 60 }, (_, i) => placed(`user ${i % 7}`, 'g', i))
  for (let round = 0; round < 3; round++) {
    for (const one of items) room.add(one)
    expect(room.fullFor(placed('alice', 'g'))).toBe('group')
    for (const one of items) room.remove(one)
  }
  expect(room.fullness().map(({ used, part }) => [used, part])).toEqual([
    [0, 0],
    [0, 0],
  ])
})
