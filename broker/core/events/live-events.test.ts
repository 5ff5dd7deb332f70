import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { userIdOf } from '../../../shared/wire/user-id.ts'
import { openLmdb } from '../../storage/lmdb.ts'
import { LiveEvents } from './live-events.ts'

test('the waiting signals of one sender take at most a sixteenth of the bytes, for all receivers together, also over a restart', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'live-'))
  let storage = openLmdb(join(dir, 'broker.lmdb'))
  const begins = (): LiveEvents => {
    const ports = { storage, events: () => ({ emitLive: () => {} }), isThere: () => true }
    const live = new LiveEvents({ ...ports, maxWaiting: 1_000, maxBytes: 160_000 })
    live.declare({ signaling: { commands: {}, events: ['signal'], live: { signal: { everyMs: 5_000 } } } })
    live.resume()
    return live
  }
  let live = begins()
  const sends = async (sub: string, to: string): Promise<string | undefined> => {
    const event = { to: userIdOf(to), event: 'signal', fields: { body: 'x'.repeat(2_000) } }
    const plan = live.plan(event, userIdOf(sub), true)
    await storage.commit((unit) => plan.commit(unit))
    return plan.refusal?.code
  }
  for (const to of ['bob', 'carol']) expect(await sends('alice', to)).toBeUndefined() // they go out at once
  for (const to of ['bob', 'carol', 'bob', 'carol']) expect(await sends('alice', to)).toBeUndefined()
  for (const to of ['bob', 'carol']) expect(await sends('alice', to)).toBe('rate_limited')
  expect(await sends('dora', 'bob')).toBeUndefined()
  expect(live.fullness().used).toBeGreaterThan(10_000)
  await live.close()
  await storage.close()
  storage = openLmdb(join(dir, 'broker.lmdb'))
  live = begins() // and one goes out to each
  await storage.commit(() => {})
  expect(live.fullness().used).toBeGreaterThan(5_000)
  await live.close()
  await storage.close()
  await rm(dir, { recursive: true })
})
