import type { Outbox } from '../../../shared/outbox.ts'
import { encodePuback } from '../../../shared/wire/mqtt/puback.ts'
import type { Failure } from '../../seam/from-core.ts'
import { REASON } from '../../seam/reasons.ts'
import type { InnerClient } from './internals.ts'

/** The first byte of a PUBREC, which is a PUBACK otherwise. */
const PUBREC = 0x50
/** Finished entries are removed from the list this many at a time. */
const MAX_DONE = 512

/** A PUBLISH that the core has not finished, or whose acknowledgement waits for an earlier one. */
interface Pending {
  readonly messageId: number
  readonly qos: 0 | 1 | 2
  /** Bytes it counts towards the limit of `FastPath`. */
  readonly size: number
  /** The PUBACK or PUBREC to send; null: send none; undefined: not known yet. */
  answer: Buffer | null | undefined
  /** Called when the core has finished it. */
  readonly done: ((failure: Failure | undefined) => void) | undefined
}

/** What acknowledgements need from their connection. */
export type Acknowledging = Pick<InnerClient, 'version' | '_requestProblemInformation' | 'closed' | 'conn'>

/**
 * The open PUBLISHes of one connection, by the numbers that the core knows them by. Each PUBACK and PUBREC is sent once its PUBLISH is
 * finished, in the order of the PUBLISHes [MQTT-4.6.0-2].
 */
export class Acks {
  readonly #client: Acknowledging
  readonly #outbox: Outbox
  readonly #pending: Pending[] = []
  /** The number of the first entry in the list. */
  #first = 1
  /** How many entries at its beginning are finished. */
  #done = 0

  constructor(client: Acknowledging, outbox: Outbox) {
    this.#client = client
    this.#outbox = outbox
  }

  /** Adds a PUBLISH that has arrived. Returns its number. */
  expect(messageId: number, qos: 0 | 1 | 2, size = 0, done?: Pending['done']): number {
    return this.#first + this.#pending.push({ messageId, qos, size, answer: undefined, done }) - 1
  }

  /** Marks a PUBLISH as finished by the core. Returns the bytes it counted. */
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
    if (this.#done < MAX_DONE && this.#done < this.#pending.length) return
    this.#pending.splice(0, this.#done)
    this.#first += this.#done
    this.#done = 0
  }
}

/**
 * The acknowledgement of a PUBLISH. On MQTT 5 a refusal is its reason code. On 3.1.1 a refused PUBLISH gets a plain PUBACK, and an event
 * tells the refusal; but what failed as `unavailable` or by a fault was not stored and gets none.
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

/** Did the sender learn that the PUBLISH had no effect, so that its message id is free again? */
export function isUntaken(version: number | null, failure: Failure | undefined): boolean {
  return failure !== undefined && (version === 5 || !isAcknowledged(version, failure))
}
