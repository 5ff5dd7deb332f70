import { z } from 'zod'
import type { DeadLetters } from '../../core/queue/dead-letters.ts'
import type { Look } from '../../core/look.ts'
import { diskOf } from '../../metrics/disk.ts'
import type { Fullness } from '../../metrics/fullness.ts'
import type { History } from '../../metrics/history.ts'
import { CONSOLE } from '../../seam/authority.ts'
import { route, type Route } from './route.ts'

export interface OverviewPorts {
  look: Look
  dead: Pick<DeadLetters, 'count'>
  history: History
  fullness: () => readonly Fullness[]
  /** Current faults, one line each. */
  faults: () => string[]
  isReady: () => boolean
  /** The folder on the disk whose free space is shown. */
  folder: string
}

/** Groups in an answer, and processes of a group, at most. */
const MAX_GROUPS = 200
const MAX_PROCESSES = 100

/** The state of the broker, and its last hour. */
export function overviewRoutes(ports: OverviewPorts): Route[] {
  const { look, dead, history, fullness, faults, isReady, folder } = ports

  function groups(): object[] {
    return look
      .groups()
      .slice(0, MAX_GROUPS)
      .map(({ processes, ...group }) => ({
        ...group,
        processes: processes.length,
        members: processes.slice(0, MAX_PROCESSES),
      }))
  }

  return [
    route({
      method: 'GET',
      path: '/api/overview',
      right: CONSOLE,
      input: z.strictObject({}),
      async run() {
        const { reading, loop, commands, over_s, ...rates } = await history.now()
        return {
          at: Date.now(),
          uptime_s: Math.round(process.uptime()),
          ready: isReady(),
          faults: faults(),
          groups: groups(),
          dead_letters: dead.count,
          rates: { over_s, ...rates },
          commands,
          connections: reading.connections,
          refused_logins: reading.refusedLogins,
          storage: fullness(),
          disk: await diskOf(folder),
          event_loop: { p50_ms: round(loop.p50 * 1000), p99_ms: round(loop.p99 * 1000) },
        }
      },
    }),
    route({
      method: 'GET',
      path: '/api/history',
      right: CONSOLE,
      input: z.strictObject({
        after: z
          .string()
          .regex(/^\d{1,16}$/, 'must be milliseconds since 1970')
          .transform(Number)
          .default(0),
      }),
      run: ({ after }) => ({ samples: history.after(after) }),
    }),
  ]
}

const round = (value: number): number => Math.round(value * 100) / 100
