import { deadLetterRoutes, type DeadLetterPorts } from './dead-letters.ts'
import type { Operate } from '../../core/commands/operator.ts'
import type { Tail } from '../../core/tail.ts'
import type { Operators } from './operators.ts'
import { overviewRoutes, type OverviewPorts } from './overview.ts'
import type { Route } from './route.ts'
import { tailRoutes } from './tail.ts'
import { userRoutes } from './users.ts'

export interface ApiPorts extends Omit<OverviewPorts, 'dead'>, DeadLetterPorts {
  operate: Operate
  tail: Tail
  operators: Operators
}

/** All end-points. docs/operate/api.md describes each; a test compares. */
export function apiRoutes(ports: ApiPorts): Route[] {
  return [...overviewRoutes(ports), ...deadLetterRoutes(ports), ...userRoutes(ports), ...tailRoutes(ports)]
}
