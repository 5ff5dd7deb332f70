import type { ChildProcess } from 'node:child_process'
import { Duplex } from 'node:stream'

/** Milliseconds between two heartbeats. */
const EVERY = 2_000
/** Heartbeats that may stay unanswered: for 10 s, or for 30 s before the first answer, while the process loads its code. */
const MISSED = 5
const MISSED_AT_START = 15

/**
 * Calls `frozen` when a process stops answering on its file descriptor 4 (shared/heartbeat.mjs). It counts heartbeats, not time: a
 * machine that was asleep for an hour has missed none.
 */
export function watchHeartbeat(child: ChildProcess, frozen: () => void, every = EVERY): void {
  const line = child.stdio[4]
  if (!(line instanceof Duplex)) throw new Error('the process was started without a file descriptor 4')
  let unanswered = 0
  let most = MISSED_AT_START
  line.on('error', () => {}) // the process has exited, which `exit` reports
  line.on('data', () => {
    unanswered = 0
    most = MISSED
  })
  const timer = setInterval(() => {
    if (unanswered >= most) {
      clearInterval(timer)
      frozen()
      return
    }
    unanswered++
    line.write('.')
  }, every)
  child.once('exit', () => clearInterval(timer))
}
