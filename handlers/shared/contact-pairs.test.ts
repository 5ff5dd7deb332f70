import { expect, test } from '@jest/globals'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { withinOneEvent } from './contact-pairs.ts'

test('one event goes to as many as a packet has room for', () => {
  const settings = {
    access: 'contacts',
    ringMs: 1,
    hidesPrivate: false,
    commandBytes: 65_536,
    answerBytes: 131_072,
  } as const
  const users = (count: number, length: number) =>
    Array.from({ length: count }, (_, i) => userIdOf(String(i).padStart(length, '0')))
  expect(withinOneEvent(users(1_000, 36), settings)).toHaveLength(1_000)
  expect(withinOneEvent(users(20_000, 5), settings)).toHaveLength(10_000)
  for (const length of [36, 512]) {
    const told = withinOneEvent(users(9_000, length), settings)
    expect(JSON.stringify(told).length).toBeLessThan(settings.answerBytes + 2)
    expect(JSON.stringify(told).length).toBeGreaterThan(settings.answerBytes - 2 * length)
  }
})
