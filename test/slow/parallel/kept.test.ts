import { expect, test } from '@jest/globals'
import { OF_KEPT } from '../../../broker/heap.ts'
import { startOn } from '../../../tools/bench/kept/start.ts'

// Events kept for users take bounded memory, however many there are.

test('a broker starts on more events than it may keep, in little memory, and keeps as many as it may', async () => {
  const MAX_KEPT_BYTES = 67_108_864
  const { kept, own, file } = await startOn(
    { events: { users: 500, events: 100, sessions: 3, bytes: 6_000 } },
    { MAX_KEPT_BYTES: String(MAX_KEPT_BYTES), NODE_OPTIONS: '--max-old-space-size=64' },
  )
  expect(file).toBeGreaterThan(300)
  expect(kept).toBeLessThanOrEqual(MAX_KEPT_BYTES)
  expect(kept).toBeGreaterThan(0.9 * MAX_KEPT_BYTES)
  expect(own).toBeLessThan(256)
}, 300_000)

test('100,000 events that wait for sessions take at most 60 MB more memory than 1,000: no payload is in memory', async () => {
  const on = (users: number) => startOn({ events: { users, events: 100, sessions: 1, bytes: 1_000 } })
  const [few, many] = [await on(10), await on(1_000)]
  expect(many.file - few.file).toBeGreaterThan(100)
  expect(many.own - few.own).toBeLessThan(60)
}, 300_000)

test('users who have one event and one session each take no more memory than what is counted of them', async () => {
  const on = (users: number) =>
    startOn({ events: { users, events: 1, sessions: 1, bytes: 100 } }, { NODE_OPTIONS: '--max-old-space-size=300' })
  const [few, many] = [await on(1_000), await on(50_000)]
  const counted = (OF_KEPT * (many.kept - few.kept) + many.sessions - few.sessions) / 2 ** 20
  const grown = many.own - few.own
  process.stderr.write(
    `50,000 users with an event and a session: ${grown.toFixed(0)} MB, counted ${counted.toFixed(0)}\n`,
  )
  expect(grown).toBeLessThan(counted)
}, 300_000)
