import type { Logger } from '../log.ts'
import { encodeDone, type Done } from '../wire/done.ts'

/** The end of an attempt, ready to be sent to the broker. */
export interface Sealed {
  readonly body: string
  /** It asks for another attempt: the user's deliveries after it are skipped. */
  readonly isRetry: boolean
}

/** Encodes a `$done` that the broker accepts. Effects that it would refuse become a failed attempt, and the log says why. */
export function seal(end: Done, maxBytes: number, log: Logger): Sealed {
  const { command, attempt } = end
  try {
    const body = encodeDone(end)
    const bytes = Buffer.byteLength(body)
    if (bytes > maxBytes) throw new RangeError(`it has ${bytes} bytes, and the broker accepts at most ${maxBytes}`)
    return { body, isRetry: end.outcome === 'retry' }
  } catch (err) {
    log.error(
      { id: command, reason: (err as Error).message },
      'the broker would not accept the effects: attempt failed',
    )
    return { body: encodeDone({ command, attempt, outcome: 'retry', code: 'internal' }), isRetry: true }
  }
}
