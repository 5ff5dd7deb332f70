import { setTimeout as delay } from 'node:timers/promises'
import type { Figures, Run } from '../figures.ts'
import { openGenerator, type Generator, type Work } from '../generator-process.ts'
import { describe, progress } from '../measure.ts'
import { cpuSeconds, megabytes } from '../proc-stat.ts'
import { OPEN, userName, type Target } from '../target.ts'

/** Connections that are there before, so that what the broker needs once is not counted. */
const BEFORE = 500
/** Milliseconds in which a broker settles. */
const SETTLE = 3_000
const NAME = 'hold'

/**
 * Memory of idle TLS connections, each with four subscriptions: each round adds its share of them to those that are there, because
 * what a connection leaves when it goes is used again, and hides what the next one needs.
 */
export async function hold(connections: number, targets: readonly Target[], rounds: number): Promise<Run> {
  const share = Math.ceil(connections / rounds)
  const opened: Generator[] = []
  const open = async (target: Target, from: number, count: number): Promise<void> => {
    opened.push(await openGenerator(target, idle(target, from, count)))
  }
  try {
    for (const target of targets) await open(target, 0, BEFORE)
    const all: Figures[][] = []
    for (let round = 0; round < rounds; round++) {
      const figures: Figures[] = []
      for (const target of targets) {
        figures.push(await held(target, share, () => open(target, BEFORE + round * share, share)))
      }
      all.push(figures)
    }
    const options = { connections, subscriptions: 4 }
    return { ...describe(NAME, 'connection', options, targets, { rounds, seconds: 0, warmUp: BEFORE }), rounds: all }
  } finally {
    for (const generator of opened) await generator.close()
  }
}

async function held(target: Target, count: number, open: () => Promise<void>): Promise<Figures> {
  await delay(SETTLE)
  const [before, cpu, began] = [megabytes(target.broker), cpuSeconds(target.broker), performance.now()]
  await open()
  const seconds = (performance.now() - began) / 1_000
  const spent = cpuSeconds(target.broker) - cpu
  await delay(SETTLE)
  const now = megabytes(target.broker)
  const kilobytes = (1_024 * (now - before)) / count
  progress(`${NAME}: ${target.name}: ${kilobytes.toFixed(1)} KB per connection`)
  return { perSecond: count / seconds, brokerMicros: (1e6 * spent) / count, kilobytes, megabytes: now }
}

/** Connections that only listen. */
export function idle(target: Target, from: number, count: number): Work {
  const users = Array.from({ length: count }, (_, i) => userName(from + i))
  const clients = users.map((user) => ({
    ...target.login(user, 'idle'),
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
