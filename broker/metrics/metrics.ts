import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { linesNotWritten } from '../../shared/log.ts'
import { Durations, Tally } from '../../shared/metrics/tally.ts'

/** Bounds of histograms of waiting, in seconds. */
const WAITS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600]

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
      help: 'Commands whose last attempt failed, by the code of that failure',
      labelNames: ['command', 'code'],
      registers,
    }),
    attempts: new Tally({
      name: 'command_attempts_total',
      help: 'Times a command was sent to a handler process',
      label: 'command',
      registry,
    }),
    retries: new Counter({
      name: 'command_retries_total',
      help: 'Attempts that failed or were put off, and are followed by another',
      labelNames: ['command', 'code'],
      registers,
    }),
    dispatched: new Durations(
      {
        name: 'command_dispatch_seconds',
        help: 'Seconds from the acceptance of a command until it is first sent to a handler process',
        label: 'command',
        registry,
      },
      WAITS,
    ),
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
      WAITS,
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
    refusedConnects: new Tally({
      name: 'mqtt_connects_refused_total',
      help: 'Logins and connections refused, by reason; an address over its limits counts once a minute',
      label: 'reason',
      registry,
    }),
    disconnects: new Tally({
      name: 'mqtt_disconnects_total',
      help: 'Connections that had logged in and ended, by reason',
      label: 'reason',
      registry,
    }),
    commitSeconds: new Durations(
      {
        name: 'storage_commit_seconds',
        help: 'Seconds from the first write of a transaction until it is on the disk (fsync)',
        registry,
      },
      [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2, 10],
    ),
    commitUnits: new Durations(
      {
        name: 'storage_commit_units',
        help: 'Changes that one transaction stores together: commands, ends, events and sessions',
        registry,
      },
      [1, 2, 5, 10, 25, 50, 100, 250, 1_000],
    ),
    commitsFailed: new Counter({
      name: 'storage_commits_failed_total',
      help: 'Transactions that could not be stored',
      registers,
    }),
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
