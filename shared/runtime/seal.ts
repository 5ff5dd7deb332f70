import type { Logger } from '../log.ts'
import { encodeDone, type Done } from '../wire/done.ts'

/** The end of an attempt as it goes to the broker. */
export interface Sealed {
  readonly body: string
  /** There must be another attempt: what was sent behind it is left undone. */
  readonly isRetry: boolean
}

/** Makes a `$done` that the broker takes. What it would refuse is a failed attempt, and the log says why. */
export function seal(end: Done, mostBytes: number, log: Logger): Sealed {
  const { command, attempt } = end
  try {
    const body = encodeDone(end)
    const bytes = Buffer.byteLength(body)
    if (bytes > mostBytes) throw new RangeError(`it has ${bytes} bytes, and the broker takes ${mostBytes}`)
    return { body, isRetry: end.outcome === 'retry' }
  } catch (err) {
    log.error({ id: command, reason: (err as Error).message }, 'the effects cannot be sent, so the attempt has failed')
    return { body: encodeDone({ command, attempt, outcome: 'retry', code: 'internal' }), isRetry: true }
  }
}
