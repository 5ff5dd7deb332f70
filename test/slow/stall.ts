import { readFileSync } from 'node:fs'
import { expect } from '@jest/globals'
import type { Closable } from '../../shared/shutdown.ts'
import type { Device } from '../device.ts'
import type { Parts } from '../parts.ts'
import { PlainHandler } from '../plain-handler.ts'
import { expectServed, waitsFor } from './waits.ts'

// Users who keep asking while a storage engine is frozen.

export const STALL = 60_000

/** The memory of a process. */
export function megabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}

/**
 * Users who ask for `ms`, while a bystander on their platform and one on a calm platform get echoes at QoS 0.
 * @returns the broker's peak memory
 */
export async function meanwhile(name: string, parts: Parts, calm: Parts, ms: number, ask: () => void): Promise<number> {
  const [echo, beside] = [await openEcho(parts), await openEcho(calm)]
  const ended = new Promise((resolve) => setTimeout(resolve, ms))
  let mb = 0
  const all = await Promise.all([
    waitsFor(async () => {
      ask()
      await echo.comes()
      mb = Math.max(mb, megabytes(parts.broker.pid))
    }, ended),
    waitsFor(() => beside.comes(), ended),
  ])
  await Promise.all([echo.close(), beside.close()])
  expectServed(name, ...all)
  return mb
}

interface Echo extends Closable {
  comes(): Promise<unknown>
}

let echoes = 0
async function openEcho(parts: Parts): Promise<Echo> {
  const n = ++echoes // several tests share the calm platform
  const echo = await PlainHandler.connect(parts, `echo${n}.1`, { mqtt: { reconnectPeriod: 100 } })
  await echo.takes(`echo${n}`, 0)
  echo.mqtt.on('message', (_topic, _payload, { properties }) => {
    const stamp = properties!.userProperties as Record<string, string>
    void echo.causes(`bystander${n}_echoed`, {}, stamp['command-id'])
  })
  const mqtt = { clean: true, properties: {} }
  const bystander = await parts.device(`bystander${n}`, { mqtt, hears: ['echoed'] })
  return {
    async comes() {
      await bystander.mqtt.publishAsync(`echo${n}`, '{}', { qos: 0 })
      await bystander.receives('echoed')
    },
    async close() {
      await Promise.all([echo.mqtt.endAsync(true), bystander.mqtt.endAsync(true)])
    },
  }
}

/** Sends requests, at most 300, and cancels each in turn. */
export function asking(alice: Device, bob: Device, sent: Set<string>) {
  let i = -1
  return (): void => {
    if (++i >= 300) return
    const id = `${alice.user}-${i}`
    const command = i % 2 === 0 ? 'request_contact' : 'cancel_contact_request'
    alice.sends(command, { user_id: bob.user }, { id }).then(
      () => sent.add(id),
      () => {},
    )
  }
}

export async function eachOnce(alice: Device, bob: Device): Promise<void> {
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
