import { pino, type DestinationStream, type Logger } from 'pino'
import pretty from 'pino-pretty'

export type { Logger } from 'pino'

// Names under which a secret could ever reach a log line; their values never do.
const SECRETS = ['password', 'credential', 'token', 'secret', 'key', 'authorization', 'cookie', 'sdp', 'payload']

/** A logger on stdout: JSON lines, or coloured text on a terminal. `to` gets the JSON lines instead. */
export function openLog(level: string, name: string, to?: DestinationStream): Logger {
  const options = { level, name, redact: { paths: SECRETS.flatMap((word) => [word, `*.${word}`]), censor: '[hidden]' } }
  if (to) return pino(options, to)
  // Synchronous: what waits to be written when a process ends whose reader has gone would be tried for ever (sonic-boom 4.2).
  return process.stdout.isTTY
    ? pino(options, pretty({ sync: true, singleLine: true, ignore: 'pid,hostname' }))
    : pino(options, pino.destination({ dest: 1, sync: true }))
}
