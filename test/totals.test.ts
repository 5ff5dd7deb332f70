import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { IDisconnectPacket } from 'mqtt-packet'
import { z } from 'zod'
import { command, event } from '../shared/runtime/command.ts'
import { metric } from './metrics.ts'
import { connectRaw } from './raw-client.ts'
import { openStage, type Stage } from './stage.ts'

// What all connections and sessions together may take, besides what each may.

const LIMIT = 500_000
const told = event('told', { n: z.number(), text: z.string() })
let n = 0
const tell = command({
  input: z.object({ text: z.string() }),
  events: { told },
  run: ({ text }) => ({ reply: told({ n: ++n, text }) }),
})

const lines: string[] = []
let stage: Stage
beforeAll(async () => {
  const limits = {
    MAX_UNSENT_BYTES: '50000000',
    MAX_ALL_UNSENT_BYTES: String(LIMIT),
    PUBLISHES_PER_USER: '100000',
    MAX_SESSION_BYTES: '65536',
  }
  stage = await openStage([], limits, lines)
  await stage.serve('telling', new Map(Object.entries({ tell })))
})
afterAll(() => stage.close())

test('the client that reads least is disconnected when all sockets hold too much, and nobody else', async () => {
  const frozen = await connectRaw(stage, 'frida', { clientId: 'frozen' })
  frozen.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'frida_told', qos: 1 }] })
  await frozen.hears('suback')
  frozen.socket.pause()
  const frida = await stage.device('frida', { hears: ['told'] })
  const text = 'x'.repeat(60_000)
  // In one piece, since a client that accepts nothing for five seconds is disconnected anyway.
  while (!lines.some((line) => line.includes('MAX_ALL_UNSENT_BYTES'))) {
    await Promise.all(Array.from({ length: 100 }, () => frida.asks('tell', { text })))
  }
  expect(await metric(stage, 'storage_limit_bytes', 'kind="unsent"')).toBe(LIMIT)
  expect(await metric(stage, 'storage_used_bytes', 'kind="unsent"')).toBeLessThan(LIMIT)
  expect(frida.mqtt.connected).toBe(true)
  frozen.socket.resume()
  await frozen.closed
}, 60_000)

test('a session whose subscriptions take more than its user may have is disconnected, and its user may go on with fewer', async () => {
  const greedy = await connectRaw(stage, 'gina', { clientId: 'greedy', clean: false, protocolVersion: 5 })
  const subscriptions = Array.from({ length: 20 }, (_, i) => ({ topic: `gina_event_${i}`, qos: 1 as const }))
  greedy.send({ cmd: 'subscribe', messageId: 1, subscriptions })
  const { reasonCode } = (await greedy.hears('disconnect')) as IDisconnectPacket
  expect(reasonCode).toBe(0x97)
  const modest = await connectRaw(stage, 'gina', { clientId: 'modest', clean: false, protocolVersion: 5 })
  modest.send({ cmd: 'subscribe', messageId: 1, subscriptions: subscriptions.slice(0, 2) })
  await modest.hears('suback')
  expect(await metric(stage, 'storage_used_bytes', 'kind="sessions"')).toBeGreaterThan(3_000)
  const others = await stage.device('otto')
  expect(await others.asks('tell', { text: '' })).toMatchObject({ event: 'told' })
})
