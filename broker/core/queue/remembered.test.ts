import { hash } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import { wordsOf } from './key-table.ts'
import { Remembered, type End } from './remembered.ts'

const [alice, bob] = [userIdOf('alice'), userIdOf('bob')]
const endOf = (order: number, body = 0, user = alice): End => {
  return { key: hash('sha256', String(order), 'base64url'), order, until: order * 10, body, user }
}

test('forgets the oldest first, over many rounds', () => {
  const ends = new Remembered({ bytes: 1e6, perUser: 1e6 })
  let first = 1
  for (let order = 1; order <= 1_000; order++) {
    ends.push(endOf(order))
    if (order % 3 === 0) continue
    expect(ends.until).toBe(first * 10)
    expect(ends.shift()).toEqual({ order: first, words: wordsOf(endOf(first).key) })
    first++
  }
  expect(ends.size).toBe(1_000 - first + 1)
})

test('drops the oldest answers, each once, while all exceed their bytes, and counts bytes by user', () => {
  const ends = new Remembered({ bytes: 100, perUser: 70 })
  ends.push(endOf(1, 60))
  expect([ends.hasRoom(alice, 20), ends.hasRoom(bob, 20)]).toEqual([false, true])
  ends.push(endOf(2))
  for (const order of [3, 4, 5]) ends.push(endOf(order, 30, bob))
  expect([ends.shed(), ends.shed()]).toEqual([1, undefined])
  expect([ends.hasRoom(alice, 70), ends.hasRoom(bob, 1)]).toEqual([true, false])
  for (let i = 0; i < 3; i++) ends.shift()
  expect([ends.hasRoom(bob, 10), ends.hasRoom(bob, 11)]).toEqual([true, false])
  ends.push(endOf(6, 200))
  expect([ends.shed(), ends.shed(), ends.shed(), ends.shed()]).toEqual([4, 5, 6, undefined])
  expect(ends.fullness().used).toBe(0)
})
