import type { Outbox } from '../../../shared/outbox.ts'
import { encodePuback } from '../../../shared/wire/mqtt/puback.ts'
import type { Failure } from '../../seam/messages.ts'
import { REASON } from '../../seam/reasons.ts'
import type { InnerClient } from './internals.ts'

/** The first byte of a PUBREC, which is a PUBACK otherwise. */
const PUBREC = 0x50
/** Of what is done with, so much is kept before it is cut off at once. */
const MOST_DONE = 512

/** A PUBLISH that the core has not dealt with, or that one before it keeps from being acknowledged. */
interface Pending {
  readonly messageId: number
  readonly qos: 0 | 1 | 2
  /** Bytes that it counts. */
  readonly size: number
  /** What acknowledges it: null when nothing does, undefined while that is not known. */
  answer: Buffer | null | undefined
  /** Called when the core has dealt with it. */
  readonly done: ((failure: Failure | undefined) => void) | undefined
}

/** What the acknowledgements of a connection need to know of it. */
export type Acknowledging = Pick<InnerClient, 'version' | '_requestProblemInformation' | 'closed' | 'conn'>

/**
 * The PUBLISHes of one connection, by the numbers under which the core is told of them. Each PUBACK and PUBREC goes out when its
 * PUBLISH is dealt with, in the order in which those came [MQTT-4.6.0-2].
 */
export class Acks {
  readonly #client: Acknowledging
  readonly #outbox: Outbox
  readonly #pending: Pending[] = []
  /** The number of the first in the list. */
  #first = 1
  /** How many at its beginning are done with. */
  #done = 0

  constructor(client: Acknowledging, outbox: Outbox) {
    this.#client = client
    this.#outbox = outbox
  }

  /** A PUBLISH has come. Returns its number. */
  expect(messageId: number, qos: 0 | 1 | 2, size = 0, done?: Pending['done']): number {
    return this.#first + this.#pending.push({ messageId, qos, size, answer: undefined, done }) - 1
  }

  /** The core has dealt with one. Returns the bytes that it counted. */
  settle(number: number, failure: Failure | undefined): number {
    const pending = this.#pending[number - this.#first]
    if (!pending || pending.answer !== undefined) return 0
    const isOver = this.#client.closed || this.#client.conn.destroyed
    pending.answer = isOver ? null : answerTo(this.#client, pending, failure)
    this.#send()
    pending.done?.(failure)
    return pending.size
  }

  #send(): void {
    for (let next = this.#pending[this.#done]; next?.answer !== undefined; next = this.#pending[this.#done]) {
      if (next.answer) this.#outbox.write(next.answer)
      this.#done++
    }
    if (this.#done < MOST_DONE && this.#done < this.#pending.length) return
    this.#pending.splice(0, this.#done)
    this.#first += this.#done
    this.#done = 0
  }
}

/**
 * A refusal is its reason code on MQTT 5. On 3.1.1 it counts as taken and is told by an event, but for `unavailable`: what was not
 * stored gets no PUBACK there.
 */
function answerTo(
  { version, _requestProblemInformation }: Acknowledging,
  { messageId, qos }: Pending,
  failure: Failure | undefined,
): Buffer | null {
  if (qos === 0 || (failure && !isAcknowledged(version, failure))) return null
  const bytes =
    version === 5 && failure
      ? encodePuback(
          messageId,
          5,
          failure.code === 'fault' ? 0x80 : REASON[failure.code],
          _requestProblemInformation === false ? undefined : failure.reason,
        )
      : encodePuback(messageId, version === 5 ? 5 : 4)
  if (qos === 2) bytes[0] = PUBREC
  return bytes
}

function isAcknowledged(version: number | null, { code }: Failure): boolean {
  return version === 5 || (code !== 'unavailable' && code !== 'fault')
}

/** Has its sender to send it again, since nothing came of it? */
export function isUntaken(version: number | null, failure: Failure | undefined): boolean {
  return failure !== undefined && (version === 5 || !isAcknowledged(version, failure))
}
