import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { linesNotWritten } from '../log.ts'
import type { Store } from '../store/documents.ts'
import { Durations } from './tally.ts'
import { timedStore } from './timed-store.ts'

/** Bounds of the histograms, in seconds. */
const RUNS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60]
const OPERATIONS = [0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10]

export type HandlerMetrics = ReturnType<typeof openHandlerMetrics>

/** The metrics of a handler process. No label holds a user id, since their number is unbounded. */
export function openHandlerMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const runs = new Durations(
    { name: 'handler_run_seconds', help: 'Seconds that an attempt of a command ran', label: 'command', registry },
    RUNS,
  )
  const failures = new Counter({
    name: 'handler_failures_total',
    help: 'Attempts that failed, or were put off because something was unavailable',
    labelNames: ['command', 'code'],
    registers,
  })
  const operations = new Durations(
    {
      name: 'handler_store_seconds',
      help: 'Seconds that an operation of the store took',
      label: 'operation',
      registry,
    },
    OPERATIONS,
  )
  const errors = new Counter({
    name: 'handler_store_errors_total',
    help: 'Operations that failed because the store cannot be reached, is full or damaged',
    labelNames: ['operation'],
    registers,
  })
  const notLogged = new Gauge({
    name: 'handler_log_lines_not_written',
    help: 'Log lines that this process dropped because nobody reads the log, or left out because there were too many of one kind',
    registers: [],
    collect() {
      const { dropped, leftOut } = linesNotWritten()
      this.set(dropped + leftOut)
    },
  })
  registry.registerMetric(notLogged)
  return {
    registry,
    ran: (command: string, seconds: number, failure: string | undefined): void => {
      runs.took(command, seconds)
      if (failure !== undefined) failures.inc({ command, code: failure })
    },
    timed: (store: Store): Store =>
      timedStore(store, (operation, seconds, failed) => {
        operations.took(operation, seconds)
        if (failed) errors.inc({ operation })
      }),
  }
}
