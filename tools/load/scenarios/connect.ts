import type { Scenario } from '../measure.ts'
import { userName } from '../target.ts'

const USERS = 1_000

/** TLS connections with a login, each new and each ended at once: without session tickets, so many at a time. */
export function connect(atOnce: number): Scenario {
  return {
    name: 'connect',
    unit: 'login',
    counts: 'done',
    options: { atOnce },
    isWarmAt: 2_000,
    work: (target) => ({
      clients: Array.from({ length: USERS }, (_, i) => ({ ...target.login(userName(i)), subscribes: [], qos: 1 })),
      work: { logins: { atOnce } },
    }),
  }
}
