import type { OutgoingEvent } from '../../../shared/wire/done.ts'
import { refuse } from '../../../shared/wire/refusal.ts'
import { ENVELOPE } from '../../../shared/wire/topic.ts'
import { mayCause } from '../../seam/authority.ts'
import type { HandlerSession } from '../../seam/session.ts'

/**
 * Checks an event that a handler causes.
 * @throws {Refusal} `forbidden` when the handler's key does not open the event, `bad_payload` when it has a field that the broker fills in
 */
export function checkEvent(session: HandlerSession, { event, fields }: Pick<OutgoingEvent, 'event' | 'fields'>): void {
  if (!mayCause(session, event)) {
    const isShared = session.rights.commands === 'all'
    const why = isShared
      ? 'no handler declares it, and HANDLER_EVENTS does not name it'
      : 'its group does not declare it'
    throw refuse('forbidden', undefined, `the key of ${session.group} does not open the event ${event}: ${why}`)
  }
  const taken = ENVELOPE.find((field) => Object.hasOwn(fields, field))
  if (taken !== undefined) {
    throw refuse('bad_payload', undefined, `the event ${event} has a field ${taken}, which the broker fills in`)
  }
}
