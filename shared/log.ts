import { createRequire } from 'node:module'
import { isatty } from 'node:tty'
import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino'
import type PinoPretty from 'pino-pretty'
import { Output } from './output.ts'
import { Sampling } from './sampled-log.ts'
import { withoutSecrets } from './secret-text.ts'

export type { Logger } from 'pino'

// Fields of a log line that could hold a secret: their values are never logged.
const SECRETS = ['password', 'credential', 'token', 'secret', 'key', 'authorization', 'cookie', 'sdp', 'payload']
const MAX_STACK = 4_000
const STDOUT = 1
const load = createRequire(import.meta.url)

const samplings: Sampling[] = []
let stdout: Output | undefined

/**
 * Opens a logger on stdout: JSON lines, or coloured text on a terminal. `to` gets the JSON lines instead. It never waits for a slow
 * reader. Of many lines with one message it writes the first in each ten seconds, then their number.
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
    stdout.flowsAgain = (dropped) => log.error({ dropped }, 'log lines were dropped because nobody read them in time')
  }
  return log
}

/** Log lines that this process has not written: dropped because nobody read them, or left out as too many of one kind. */
export function linesNotWritten(): { dropped: number; leftOut: number } {
  return { dropped: stdout?.dropped ?? 0, leftOut: samplings.reduce((sum, { leftOut }) => sum + leftOut, 0) }
}

function ofProcess(sampling: Sampling): DestinationStream {
  samplings.push(sampling)
  process.on('exit', () => sampling.tell()) // before the last words are written
  const out = (stdout ??= new Output(STDOUT))
  if (!isatty(STDOUT)) return out
  const { prettyFactory } = load('pino-pretty') as typeof PinoPretty // twenty modules, which only a terminal needs
  const pretty = prettyFactory({ colorize: true, singleLine: true, ignore: 'pid,hostname' })
  return { write: (line) => out.write(pretty(line)) }
}

function shortError(err: Error): object {
  const { message, stack, ...rest } = stdSerializers.err(err)
  return { ...rest, message: message.slice(0, MAX_STACK), stack: stack.slice(0, MAX_STACK) }
}
