import { asOfNow } from '../../seam/remaining-time.ts'
import type { SessionMessage } from '../../seam/session-message.ts'
import { asSent } from '../kept/as-sent.ts'
import type { KeptEvents } from '../kept/kept-events.ts'
import { ON_ALL, QOS_2, RELEASED, SHARED } from '../kept/kept-record.ts'
import type { SessionQueue } from './session-queue.ts'

/** Reads the messages that wait in sessions from the disk. */
export function sessionMessages(kept: Pick<KeptEvents, 'read'>) {
  /** Undefined when the message has gone, or only its PUBREL is due. */
  function of(session: SessionQueue, number: number): SessionMessage | undefined {
    const form = session.waiting.form(number)
    if (form === undefined || form === RELEASED) return undefined
    const found = kept.read(number - (form & ON_ALL))
    if (!found) return undefined
    // Only the record says which of the session's subscriptions matched an open message.
    const place = found.kind === 'event' ? undefined : found.places.find((one) => one.session === session.serial)
    return asSent(found, session.owner, place ?? { form })
  }

  /** As it goes out now: with what is left of its time. */
  function now(session: SessionQueue, number: number): SessionMessage | undefined {
    const message = of(session, number)
    return message && asOfNow(message)
  }

  return {
    now,
    /** Those that may go to another member of a shared subscription. */
    forAnother: (session: SessionQueue): SessionMessage[] =>
      session.waiting.numbers.flatMap((number) =>
        isForAnother(session.waiting.form(number)!) ? (of(session, number) ?? []) : [],
      ),
  }
}

/** True for a shared subscription's message that may go to another member. At QoS 2 it stays with its client [MQTT-4.8.2-5]. */
export function isForAnother(form: number): boolean {
  return (form & SHARED) !== 0 && (form & QOS_2) === 0
}
