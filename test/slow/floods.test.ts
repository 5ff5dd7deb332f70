import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device } from '../device.ts'
import { Parts } from '../parts.ts'
import { Run } from '../process.ts'
import { expectServed, waitsFor } from './waits.ts'

// While one user floods the broker, another is served.

const SECONDS = 10
let flooded: Parts
let calm: Parts
let alice: Device
let bystander: Device
beforeAll(async () => {
  flooded = await Parts.open({ LOG_LEVEL: 'error' })
  calm = await Parts.open({ LOG_LEVEL: 'error' })
  await flooded.startHandlers()
  alice = await flooded.device('alice')
  bystander = await calm.device('bystander')
})
afterAll(() => Promise.all([flooded?.close(), calm?.close()]))

const asks = (device: Device) => async (): Promise<void> =>
  expect(await device.asks('whoami')).toMatchObject({ event: 'session_info' })

test.each(['commands', 'unknown words', 'pings', 'subscribes', 'forged logins', 'stalled subscribers'])(
  'a flood of %s',
  async (kind) => {
    const { url, env } = flooded
    const args = ['test/flooder.ts', kind, new URL(url).port, env['SECRET']!, String(SECONDS)]
    const run = new Run(args, { env: {}, through: ['nice', '-n', '19'] }) // as if the attacker had a machine of their own
    flooded.keep(run)
    const all = [waitsFor(asks(alice), run.ended), waitsFor(asks(bystander), run.ended)] as const
    expectServed(`a flood of ${kind}`, ...(await Promise.all(all)))
  },
)
