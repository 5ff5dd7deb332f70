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
    accepted: new Tally({
      name: 'commands_accepted_total',
      help: 'Commands accepted and stored',
      label: 'command',
      registry,
    }),
    rejected: new Counter({
      name: 'commands_rejected_total',
      help: 'Commands refused by the broker, by error code',
      labelNames: ['code'],
      registers,
    }),
    dead: new Counter({
      name: 'commands_dead_total',
      help: 'Commands moved to the dead letters because their last attempt failed',
      labelNames: ['command'],
      registers,
    }),
    dropped: new Counter({
      name: 'observer_commands_dropped_total',
      help: 'Commands dropped for observing groups because too many waited for them',
      registers,
    }),
    stuck: new Counter({
      name: 'handler_processes_stuck_total',
      help: 'Times a handler process was busy past the time limit of a command',
      registers,
    }),
    ended: new Durations(
      {
        name: 'command_seconds',
        help: 'Seconds from the acceptance of a command to its answer',
        label: 'command',
        registry,
      },
      [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
    ),
    connections: new Gauge({
      name: 'mqtt_connections',
      help: 'Open MQTT connections',
      labelNames: ['kind'],
      registers,
    }),
    notLogged: new Counter({
      name: 'log_lines_not_written_total',
      help: 'Log lines not written: dropped because nobody reads the log, or left out because there were too many of one kind',
      labelNames: ['why'],
      registers,
      collect() {
        const { dropped, leftOut } = linesNotWritten()
        this.reset()
        this.inc({ why: 'dropped' }, dropped)
        this.inc({ why: 'left_out' }, leftOut)
      },
    }),
    refusedConnects: new Counter({ name: 'mqtt_connects_refused_total', help: 'CONNECT packets refused', registers }),
    refusedOrigins: new Counter({
      name: 'websocket_origins_refused_total',
      help: 'WebSocket requests refused because of their Origin',
      registers,
    }),
    refusedSubscriptions: new Counter({
      name: 'mqtt_subscriptions_refused_total',
      help: 'Topic filters refused in SUBSCRIBE packets',
      registers,
    }),
    packets: new Tally({ name: 'mqtt_packets_received_total', help: 'MQTT packets received', label: 'kind', registry }),
  }
}

export type Metrics = ReturnType<typeof openMetrics>
