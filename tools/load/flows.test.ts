import { expect, test } from '@jest/globals'
import { Flows, type Device } from './flows.ts'
import type { Pace } from './job.ts'
import { MARK } from './mark.ts'

const LENGTH = MARK.length

/** Devices that keep what they send, and flows from the first of them to all. */
function open(count: number, pace: Pace) {
  const sent: Buffer[] = []
  const devices = Array.from({ length: count }, (): Device => {
    let id = 0
    return { nextId: () => ++id, write: (packet) => void sent.push(packet), hears: () => {} }
  })
  const flow = { from: 0, to: devices.map((_, i) => i), topic: 'echo', before: '{"id":"', after: '"}' }
  const flows = new Flows([flow], 1, pace, devices)
  const next = (): Buffer => {
    const packet = sent.shift()!
    const at = packet.indexOf('"#') + 1
    return packet.subarray(at, at + LENGTH)
  }
  return { flows, sent, next, hear: (i: number, mark: Buffer) => devices[i]!.hears(mark, 0, mark.length) }
}

test('no load sends a command that another has sent, or the platform would answer it from memory', () => {
  const marks = [1, 2, 3].map(() => {
    const { flows, next } = open(1, { window: 1 })
    flows.go()
    return next().toString()
  })
  expect(new Set(marks).size).toBe(3)
})

test('the next message goes out when all have heard the last one', () => {
  const { flows, sent, next, hear } = open(2, { window: 1 })
  flows.go()
  const first = next()
  hear(0, first)
  expect([sent.length, flows.done, flows.measured.length]).toEqual([0, 0, 1])
  hear(1, first)
  expect([sent.length, flows.done, flows.measured.length]).toEqual([1, 1, 2])
})

test('what is heard again is told, and what is not heard is lost', async () => {
  const { flows, next, hear } = open(1, { window: 2 })
  flows.go()
  const [first, second] = [next(), next()]
  hear(0, first)
  hear(0, first)
  expect(flows.unexpected).toBe(1)
  flows.stop()
  const drained = flows.drain()
  hear(0, second)
  hear(0, next()) // sent when the first was heard
  expect(await drained).toBe(0)
})
