import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { commandWith } from '../../../test/command.ts'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import { openLmdb } from '../../storage/lmdb.ts'
import { openDeadLetters, type DeadLetter } from './dead-letters.ts'

function letterOf(order: number, sub = `user-${order}`, payload = '{}'): DeadLetter {
  const [id, user] = [`${sub}/~${order}`, userIdOf(sub)]
  const command = commandWith({ id, order, user, payload: Buffer.from(payload), at: 0 })
  return { command, group: 'g', attempts: 1, code: 'internal', at: 0 }
}

test('keeps the youngest letters, however many commands die in one turn, and reports each letter that it drops', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'dead-'))
  const storage = openLmdb(join(dir, 'broker.lmdb'))
  const dropped: string[] = []
  const dead = openDeadLetters(storage, { letters: 3, bytes: 1e6 }, (id) => dropped.push(id))
  const dies = (order: number): Promise<void> => storage.commit((unit) => dead.add(unit, letterOf(order)))
  await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(dies))
  await storage.commit((unit) => dead.remove(unit, letterOf(7)))
  await Promise.all([9, 10].map(dies))
  expect([...dead.find({})].map(({ command }) => command.order)).toEqual([8, 9, 10])
  expect(dead.count).toBe(3)
  expect(dropped).toEqual([1, 2, 3, 4, 5, 6].map((order) => `user-${order}/~${order}`))
  await storage.close()
  await rm(dir, { recursive: true })
})

test('a user whose commands all die loses their own oldest letters, by number and by bytes, and nobody else loses any', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'dead-'))
  const path = join(dir, 'broker.lmdb')
  let storage = openLmdb(path)
  const bounds = { letters: 50, bytes: 100_000 }
  let dead = openDeadLetters(storage, bounds, () => {})
  const dies = (letter: DeadLetter): Promise<void> => storage.commit((unit) => dead.add(unit, letter))
  await dies(letterOf(1, 'bob'))
  await Promise.all(Array.from({ length: 100 }, (_, i) => dies(letterOf(i + 2, 'mallory'))))
  await Promise.all(Array.from({ length: 5 }, (_, i) => dies(letterOf(i + 200, 'eve', 'x'.repeat(6_000)))))
  const left = (): string[] => [...dead.find({})].map(({ command: { id } }) => id)
  const expected = ['bob/~1', ...[97, 98, 99, 100, 101].map((order) => `mallory/~${order}`), 'eve/~204']
  expect(left()).toEqual(expected)
  await storage.close()
  storage = openLmdb(path)
  dead = openDeadLetters(storage, bounds, () => {})
  await dies(letterOf(300, 'mallory'))
  expect(left()).toEqual([...expected.filter((id) => id !== 'mallory/~97'), 'mallory/~300'])
  await storage.close()
  await rm(dir, { recursive: true })
})
