import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { linesNotWritten } from '../../shared/log.ts'
import { Durations, Tally } from './tally.ts'

/** The broker's metrics. No label holds a user id, since their number is unbounded. */
export function openMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    accepted: new Tally({ name: 'commands_accepted_total', help: 'Commands stored', label: 'command', registry }),
    rejected: new Counter({
      name: 'commands_rejected_total',
      help: 'Commands the broker refused',
      labelNames: ['code'],
      registers,
    }),
    dead: new Counter({
      name: 'commands_dead_total',
      help: 'Commands whose last attempt failed',
      labelNames: ['command'],
      registers,
    }),
    dropped: new Counter({
      name: 'observer_commands_dropped_total',
      help: 'Commands dropped for groups that only observe them, since too many waited',
      registers,
    }),
    stuck: new Counter({
      name: 'handler_processes_stuck_total',
      help: 'Handler processes that computed past the time limit of a command',
      registers,
    }),
    ended: new Durations(
      { name: 'command_seconds', help: 'From acceptance to the answer', label: 'command', registry },
      [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
    ),
    connections: new Gauge({ name: 'mqtt_connections', help: 'Connections now', labelNames: ['kind'], registers }),
    notLogged: new Counter({
      name: 'log_lines_not_written_total',
      help: 'Log lines dropped since nobody read them, and left out since there were too many of a kind',
      labelNames: ['why'],
      registers,
      collect() {
        const { dropped, leftOut } = linesNotWritten()
        this.reset()
        this.inc({ why: 'dropped' }, dropped)
        this.inc({ why: 'left_out' }, leftOut)
      },
    }),
    refusedConnects: new Counter({ name: 'mqtt_connects_refused_total', help: 'Connects refused', registers }),
    refusedOrigins: new Counter({
      name: 'websocket_origins_refused_total',
      help: 'WebSockets refused to pages of other origins',
      registers,
    }),
    refusedSubscriptions: new Counter({
      name: 'mqtt_subscriptions_refused_total',
      help: 'Filters of SUBSCRIBE packets refused',
      registers,
    }),
    packets: new Tally({ name: 'mqtt_packets_received_total', help: 'Packets parsed', label: 'kind', registry }),
  }
}

export type Metrics = ReturnType<typeof openMetrics>
