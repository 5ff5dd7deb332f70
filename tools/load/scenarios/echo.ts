import type { Pace } from '../job.ts'
import type { Scenario } from '../measure.ts'
import type { Work } from '../generator-process.ts'
import { userName, type Target } from '../target.ts'

export interface Shape {
  devices: number
  /** Commands of each device that have no answer yet, at a time. */
  open: number
}

const WARM: Shape = { devices: 50, open: 4 }

/** Commands from devices to handler processes, and their answers; each device sends the next when it has an answer. */
export function echo({ devices, open }: Shape, bytes: number): Scenario {
  return {
    name: `echo ${devices}x${open}`,
    unit: 'command',
    counts: 'done',
    options: { devices, open, bytes },
    work: (target) => echoWork(target, devices, bytes, { window: open }),
    warmUp: (target) => echoWork(target, WARM.devices, bytes, { window: WARM.open }),
  }
}

/** The same, so many in a second whether they are answered or not. */
export function echoAt(perSecond: number, devices: number, bytes: number): Scenario {
  return {
    name: `echo ${devices} at ${perSecond}/s`,
    unit: 'command',
    counts: 'done',
    options: { devices, perSecond, bytes },
    work: (target) => echoWork(target, devices, bytes, { perSecond }),
    warmUp: (target) => echoWork(target, WARM.devices, bytes, { window: WARM.open }),
  }
}

function echoWork(target: Target, devices: number, bytes: number, pace: Pace): Work {
  const users = Array.from({ length: devices }, (_, i) => userName(i))
  const flows = users.map((user, i) => ({
    from: i,
    to: [i],
    topic: target.commandTopic(user, 'echo'),
    before: '{"id":"',
    after: `","text":"${'x'.repeat(bytes)}"}`,
  }))
  return {
    clients: users.map((user) => ({ ...target.login(user), subscribes: [target.eventTopic(user, 'echoed')], qos: 1 })),
    work: { flows, qos: 1, pace },
  }
}
