import { isatty } from 'node:tty'
import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { Output } from './output.ts'
import { Sampling } from './sampled-log.ts'
import { withoutSecrets } from './secret-text.ts'

export type { Logger } from 'pino'

// Names under which a secret could ever reach a log line; their values never do.
const SECRETS = ['password', 'credential', 'token', 'secret', 'key', 'authorization', 'cookie', 'sdp', 'payload']
const MAX_STACK = 4_000
const STDOUT = 1

const samplings: Sampling[] = []
let stdout: Output | undefined

/**
 * A logger on stdout: JSON lines, or coloured text on a terminal. `to` gets the JSON lines instead. It never waits for its reader,
 * and of lines with one message it writes the first of each ten seconds and then their number.
 */
export function openLog(level: string, name: string, to?: DestinationStream, sampling = new Sampling()): Logger {
  const log = pino(
    {
      level,
      name,
      redact: { paths: SECRETS.flatMap((word) => [word, `*.${word}`]), censor: '[hidden]' },
      serializers: { err: shortError },
      hooks: {
        logMethod(args, method, level) {
          sampling.logMethod(this, args, method, level)
        },
        streamWrite: withoutSecrets,
      },
    },
    to ?? (level === 'silent' ? { write: () => {} } : ofProcess(sampling)),
  )
  if (stdout && !to) {
    stdout.flowsAgain = (dropped) => log.error({ dropped }, 'log lines were dropped: nobody read them in time')
  }
  return log
}

/** Lines that this process has not written: dropped, since nobody read them, and left out, since they were too many of a kind. */
export function linesNotWritten(): { dropped: number; leftOut: number } {
  return { dropped: stdout?.dropped ?? 0, leftOut: samplings.reduce((sum, { leftOut }) => sum + leftOut, 0) }
}

function ofProcess(sampling: Sampling): DestinationStream {
  samplings.push(sampling)
  process.on('exit', () => sampling.tell()) // before the last words are written
  const out = (stdout ??= new Output(STDOUT))
  if (!isatty(STDOUT)) return out
  const pretty = prettyFactory({ colorize: true, singleLine: true, ignore: 'pid,hostname' })
  return { write: (line) => out.write(pretty(line)) }
}

function shortError(err: Error): object {
  const { message, stack, ...rest } = stdSerializers.err(err)
  return { ...rest, message: message.slice(0, MAX_STACK), stack: stack.slice(0, MAX_STACK) }
}
