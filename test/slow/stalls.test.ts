import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import Database from 'libsql'
import type { Device } from '../device.ts'
import { Parts } from '../parts.ts'
import { PlainHandler } from '../plain-handler.ts'

// An engine that stands still for a minute, or a disk that is full: nothing is acknowledged wrongly, others go on, and memory
// is bounded.

const STALL = 60_000

let parts: Parts
beforeAll(async () => {
  parts = await Parts.open({ QUEUE_TTL: '600000', MAX_QUEUED: '2000' })
  await parts.startHandlers()
})
afterAll(() => parts.close())

/** Those who ask meanwhile, and how long an echo at QoS 0 takes a bystander. */
async function meanwhile(ms: number, ask: (i: number) => void): Promise<{ p99: number; mb: number }> {
  const echo = await PlainHandler.connect(parts, 'echo.1', { mqtt: { reconnectPeriod: 100 } })
  await echo.takes('echo', 0)
  echo.mqtt.on('message', (_topic, _payload, { properties }) => {
    const stamp = properties!.userProperties as Record<string, string>
    void echo.causes('bystander_echoed', {}, stamp['command-id'])
  })
  const bystander = await parts.device('bystander', { mqtt: { clean: true, properties: {} }, hears: ['echoed'] })
  const took: number[] = []
  let mb = 0
  const end = Date.now() + ms
  for (let i = 0; Date.now() < end; i++) {
    ask(i)
    const began = performance.now()
    await bystander.mqtt.publishAsync('echo', '{}', { qos: 0 })
    await bystander.receives('echoed')
    took.push(performance.now() - began)
    mb = Math.max(
      mb,
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${parts.broker.pid}/status`, 'utf8'))![1]) / 1024,
    )
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await Promise.all([echo.mqtt.endAsync(true), bystander.mqtt.endAsync(true)])
  took.sort((a, b) => a - b)
  return { p99: took[Math.floor(took.length * 0.99)]!, mb }
}

/** Asks, at most 300 times, and takes back in turn. */
function asking(alice: Device, bob: Device, sent: Set<string>) {
  return (i: number): void => {
    if (i >= 300) return
    const id = `${alice.user}-${i}`
    const command = i % 2 === 0 ? 'request_contact' : 'cancel_contact_request'
    alice.sends(command, { user_id: bob.user }, { id }).then(
      () => sent.add(id),
      () => {},
    )
  }
}

async function eachOnce(alice: Device, bob: Device): Promise<void> {
  const answers = new Map<string, string>()
  while (answers.size < 300) {
    const { re, event } = await alice.next(STALL)
    if (event !== 'command_queued') answers.set(re!, event)
  }
  expect([...answers.keys()]).toEqual(Array.from({ length: 300 }, (_, i) => `${alice.user}-${i}`))
  expect(new Set(answers.values())).toEqual(new Set(['contact_request_sent', 'contact_updated']))
  await bob.hears('contact_request_cancelled', 150)
  const heard = (await bob.unread()).map(({ event }) => event).filter((event) => event.startsWith('contact'))
  expect(heard).toEqual(
    Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? 'contact_requested' : 'contact_request_cancelled')),
  )
}

test('the handlers’ database is locked for a minute: what was accepted is done afterwards, once and in order', async () => {
  const [alice, bob] = [await parts.device('alice'), await parts.device('bob')]
  const other = new Database(join(parts.dir, 'handlers.db'))
  other.exec('BEGIN IMMEDIATE')
  const accepted = new Set<string>()
  const { p99, mb } = await meanwhile(STALL, asking(alice, bob, accepted))
  expect(accepted.size).toBe(300)
  other.exec('COMMIT')
  other.close()
  await eachOnce(alice, bob)
  expect(p99).toBeLessThan(100)
  expect(mb).toBeLessThan(400)
}, 300_000)

test('the broker’s storage stands still for a minute: nothing is acknowledged, all goes on afterwards', async () => {
  const [alice, bob] = [await parts.device('alice2'), await parts.device('bob2')]
  const script = fileURLToPath(new URL('../hold-lmdb.mjs', import.meta.url))
  const holder = spawn(process.execPath, [script, join(parts.dir, 'broker', 'broker.lmdb')])
  await once(holder.stdout, 'data')
  const accepted = new Set<string>()
  const { p99, mb } = await meanwhile(STALL, asking(alice, bob, accepted))
  expect(accepted.size).toBe(0)
  holder.kill('SIGKILL')
  await eachOnce(alice, bob)
  expect(accepted.size).toBe(300)
  expect(p99).toBeLessThan(100)
  expect(mb).toBeLessThan(400)
}, 300_000)
