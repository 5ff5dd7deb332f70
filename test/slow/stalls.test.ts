import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import Database from 'libsql'
import { closeAll, type Closable } from '../../shared/shutdown.ts'
import { holdStorage } from '../hold-storage.ts'
import { Parts } from '../parts.ts'
import { asking, eachOnce, meanwhile, STALL } from './stall.ts'

// A storage engine that freezes for a minute, or a full disk: nothing is acknowledged wrongly, others go on, and memory
// is bounded.

const opened: Closable[] = []
let [locked, still, calm]: Parts[] = []
beforeAll(async () => {
  ;[locked, still, calm] = [await openParts(), await openParts(), await openParts()] // before anything is measured
})
afterAll(() => closeAll(opened))

async function openParts(): Promise<Parts> {
  const parts = await Parts.open({ QUEUE_TTL: '600000', MAX_QUEUED: '2000' })
  opened.push(parts)
  await parts.startHandlers()
  return parts
}

// They mostly wait, so they run at the same time.
test.concurrent(
  'the handlers’ database is locked for a minute: accepted commands run afterwards, once and in order',
  async () => {
    const parts = locked!
    const [alice, bob] = [await parts.device('alice'), await parts.device('bob')]
    const other = new Database(join(parts.dir, 'handlers.db'))
    other.exec('BEGIN IMMEDIATE')
    const accepted = new Set<string>()
    const mb = await meanwhile('a locked database', parts, calm!, STALL, asking(alice, bob, accepted))
    expect(accepted.size).toBe(300)
    other.exec('COMMIT')
    other.close()
    await eachOnce(alice, bob)
    expect(mb).toBeLessThan(400)
  },
  300_000,
)

test.concurrent(
  'the broker’s storage freezes for a minute: nothing is acknowledged, and everything goes on afterwards',
  async () => {
    const parts = still!
    const [alice, bob] = [await parts.device('alice'), await parts.device('bob')]
    const hold = await holdStorage(parts.dir)
    const accepted = new Set<string>()
    const mb = await meanwhile(
      'a broker’s storage that stands still',
      parts,
      calm!,
      STALL,
      asking(alice, bob, accepted),
    )
    expect(accepted.size).toBe(0)
    await hold.close()
    await eachOnce(alice, bob)
    expect(accepted.size).toBe(300)
    expect(mb).toBeLessThan(400)
  },
  300_000,
)
