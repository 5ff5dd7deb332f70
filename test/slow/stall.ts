import { readFileSync } from 'node:fs'
import { expect } from '@jest/globals'
import type { Device } from '../device.ts'
import type { Parts } from '../parts.ts'
import { PlainHandler } from '../plain-handler.ts'

// What goes on while an engine stands still.

export const STALL = 60_000

/** What a process has in memory now. */
export function megabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}

/** Those who ask meanwhile, and how long an echo at QoS 0 takes a bystander. */
export async function meanwhile(
  parts: Parts,
  ms: number,
  ask: (i: number) => void,
): Promise<{ p99: number; mb: number }> {
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
    mb = Math.max(mb, megabytes(parts.broker.pid))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await Promise.all([echo.mqtt.endAsync(true), bystander.mqtt.endAsync(true)])
  took.sort((a, b) => a - b)
  return { p99: took[Math.floor(took.length * 0.99)]!, mb }
}

/** Asks, at most 300 times, and takes back in turn. */
export function asking(alice: Device, bob: Device, sent: Set<string>) {
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
