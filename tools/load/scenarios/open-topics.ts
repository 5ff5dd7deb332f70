import type { Scenario } from '../measure.ts'
import { OPEN, userName } from '../target.ts'

/** Messages between two devices on an open topic; no handler has to do with them. */
export function pairs(couples: number, open: number, bytes: number, qos: 0 | 1): Scenario {
  return {
    name: `pairs qos ${qos}`,
    unit: 'message',
    counts: 'done',
    options: { pairs: couples, open, bytes, qos },
    work: (target) => ({
      clients: Array.from({ length: 2 * couples }, (_, i) => ({
        ...target.login(userName(i)),
        subscribes: i % 2 ? [topicOf(i >> 1)] : [],
        qos,
      })),
      work: {
        flows: Array.from({ length: couples }, (_, i) => ({
          from: 2 * i,
          to: [2 * i + 1],
          topic: topicOf(i),
          before: '',
          after: 'x'.repeat(bytes),
        })),
        qos,
        pace: { window: open },
      },
    }),
  }
}

/** Messages of one device on an open topic that many hear. */
export function fanout(members: number, open: number, bytes: number, qos: 0 | 1): Scenario {
  const topic = topicOf(0)
  return {
    name: `fanout qos ${qos}`,
    unit: 'delivery',
    counts: 'heard',
    options: { members, open, bytes, qos },
    work: (target) => ({
      clients: Array.from({ length: members + 1 }, (_, i) => ({
        ...target.login(userName(i)),
        subscribes: i > 0 ? [topic] : [],
        qos,
      })),
      work: {
        flows: [
          {
            from: 0,
            to: Array.from({ length: members }, (_, i) => i + 1),
            topic,
            before: '',
            after: 'x'.repeat(bytes),
          },
        ],
        qos,
        pace: { window: open },
      },
    }),
  }
}

const topicOf = (i: number): string => `${OPEN}/${i}`
