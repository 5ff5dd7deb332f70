import { setTimeout as delay } from 'node:timers/promises'
import type { Figures, Run } from '../figures.ts'
import { openGenerator, type Work } from '../generator-process.ts'
import { describe, progress } from '../measure.ts'
import { cpuSeconds, megabytes } from '../proc-stat.ts'
import { OPEN, userName, type Target } from '../target.ts'

/** Connections that are there before, so that what the broker needs once is not counted. */
const BEFORE = 500
/** Milliseconds in which a broker settles. */
const SETTLE = 3_000
const NAME = 'hold'

/** Memory of idle TLS connections, each with four subscriptions: of so many, beside some that were there before. */
export async function hold(connections: number, targets: readonly Target[], rounds: number): Promise<Run> {
  const all: Figures[][] = []
  for (let round = 0; round < rounds; round++) {
    const figures: Figures[] = []
    for (const target of targets) figures.push(await held(target, connections, round))
    all.push(figures)
  }
  const options = { connections, subscriptions: 4 }
  return { ...describe(NAME, 'connection', options, targets, { rounds, seconds: 0, warmUp: BEFORE }), rounds: all }
}

async function held(target: Target, connections: number, round: number): Promise<Figures> {
  const first = await openGenerator(target, idle(target, 0, BEFORE, `first${round}`))
  await delay(SETTLE)
  const [before, cpu, began] = [megabytes(target.broker), cpuSeconds(target.broker), performance.now()]
  const second = await openGenerator(target, idle(target, BEFORE, connections, `second${round}`))
  const seconds = (performance.now() - began) / 1_000
  const spent = cpuSeconds(target.broker) - cpu
  await delay(SETTLE)
  const now = megabytes(target.broker)
  await second.close()
  await first.close()
  const kilobytes = (1_024 * (now - before)) / connections
  progress(`${NAME}: ${target.name}: ${kilobytes.toFixed(1)} KB per connection`)
  return { perSecond: connections / seconds, brokerMicros: (1e6 * spent) / connections, kilobytes, megabytes: now }
}

function idle(target: Target, from: number, count: number, device: string): Work {
  const users = Array.from({ length: count }, (_, i) => userName(from + i))
  const clients = users.map((user) => ({
    ...target.login(user, device),
    subscribes: [
      target.eventTopic(user, 'echoed'),
      target.eventTopic(user, 'message_received'),
      `${OPEN}/${user}/one`,
      `${OPEN}/${user}/other`,
    ],
    qos: 1 as const,
  }))
  return { clients, work: { flows: [], qos: 1, pace: { window: 1 } } }
}
