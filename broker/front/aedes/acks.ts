import type { Outbox } from '../../../shared/outbox.ts'
import { encodePuback } from '../../../shared/wire/mqtt/puback.ts'
import { Refusal } from '../../../shared/wire/refusal.ts'
import type { InnerClient } from './internals.ts'
import { REASON } from '../../seam/port.ts'

/** The acknowledgement of one PUBLISH: its bytes once they are known; null when it gets none. */
interface Ack {
  readonly messageId: number
  bytes: Buffer | null | undefined
}

/** The PUBACKs of one connection: each goes out when its PUBLISH is dealt with, in the order in which those came [MQTT-4.6.0-2]. */
export class Acks {
  readonly #outbox: Outbox
  readonly #queue: Ack[] = []

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  /** A PUBLISH of QoS 1 has come. */
  expect(messageId: number): Ack {
    const ack: Ack = { messageId, bytes: undefined }
    this.#queue.push(ack)
    return ack
  }

  settle(ack: Ack, bytes: Buffer | null): void {
    ack.bytes = bytes
    let settled = 0
    while (this.#queue[settled]?.bytes !== undefined) {
      const next = this.#queue[settled++]!.bytes
      if (next) this.#outbox.write(next)
    }
    if (settled === this.#queue.length) this.#queue.length = 0
    else if (settled > 0) this.#queue.splice(0, settled)
  }
}

/**
 * The PUBACK of a PUBLISH that was taken, or failed. A refusal is its reason code on MQTT 5. On 3.1.1 it counts as taken and is
 * told by an event, but for `unavailable`: what was not stored gets no PUBACK there.
 */
export function pubackOf(
  { version, _requestProblemInformation }: InnerClient,
  messageId: number,
  failure?: Error,
): Buffer | null {
  if (version !== 5) {
    return failure instanceof Refusal && failure.code === 'unavailable' ? null : encodePuback(messageId, 4)
  }
  if (!failure) return encodePuback(messageId, 5)
  const [code, reason] = failure instanceof Refusal ? [REASON[failure.code], failure.message] : [0x80, 'internal']
  return encodePuback(messageId, 5, code, _requestProblemInformation === false ? undefined : reason)
}
