import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { commandName } from '../../../shared/wire/topic.ts'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import { openLmdb } from '../../storage/lmdb.ts'
import { openDeadLetters, type DeadLetter } from './dead-letters.ts'

function letterOf(order: number): DeadLetter {
  const command = {
    id: `alice/~${order}`,
    order,
    name: commandName('act'),
    user: userIdOf('alice'),
    client: 'phone',
    payload: Buffer.from('{}'),
    re: undefined,
    at: 0,
    expiresAt: undefined,
    stored: true,
    traceparent: '',
    correlation: undefined,
    responseTopic: undefined,
  }
  return { command, group: 'g', attempts: 1, code: 'internal', at: 0 }
}

test('keeps the youngest, however many die in one turn, and names each that it drops', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'dead-'))
  const storage = openLmdb(join(dir, 'broker.lmdb'))
  const dropped: string[] = []
  const dead = openDeadLetters(storage, 3, (id) => dropped.push(id))
  const dies = (order: number): Promise<void> => storage.commit((unit) => dead.add(unit, letterOf(order)))
  await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(dies))
  await storage.commit((unit) => dead.remove(unit, letterOf(7)))
  await Promise.all([9, 10].map(dies))
  expect([...dead.find({})].map(({ command }) => command.order)).toEqual([8, 9, 10])
  expect(dead.count).toBe(3)
  expect(dropped).toEqual([1, 2, 3, 4, 5, 6].map((order) => `alice/~${order}`))
  await storage.close()
  await rm(dir, { recursive: true })
})
