import type { Scenario } from '../measure.ts'
import { userName } from '../target.ts'

/** Signals of calls, relayed between two: each couple's at a pace. The platform lets one receiver have one in 100 ms. */
export function signal(couples: number, every: number, qos: 0 | 1): Scenario {
  const candidate = 'candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host generation 0 network-cost 999'
  const body = `{"candidate":"${candidate}","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"`
  return {
    name: `signal ${couples} pairs`,
    unit: 'signal',
    counts: 'done',
    options: { pairs: couples, every, qos },
    isWarmAt: 4_000,
    work: (target) => ({
      clients: Array.from({ length: 2 * couples }, (_, i) => ({
        ...target.login(userName(i)),
        subscribes: i % 2 ? [target.eventTopic(userName(i), 'signal')] : [],
        qos: 1,
      })),
      work: {
        flows: Array.from({ length: couples }, (_, i) => ({
          from: 2 * i,
          to: [2 * i + 1],
          topic: target.commandTopic(userName(2 * i), 'signal'),
          before: `{"target":"${userName(2 * i + 1)}","type":"candidate","body":${body}`,
          after: '"}}',
        })),
        qos,
        pace: { perSecond: (1_000 * couples) / every },
      },
    }),
  }
}
